/* judge.h - what the records of compare say together: losses between devices, speed since earlier records, a verdict.
 */
#ifndef VGGCL_CLI_COMPARE_JUDGE_H
#define VGGCL_CLI_COMPARE_JUDGE_H

#include "base/json.h"
#include "cli/verdict.h"

/* Judges answer["devices"]. Sets "from_others" in each record's losses; "speed_against" in each record that is not
 * earlier and has a benchmark, by the last earlier record of the same device and network; "faults" of the answer:
 * losses of two devices that differ by more than the sum of their tolerances, where one of the two is not earlier and
 * both have passed by themselves. Sets "verdict", and returns it: the worst of `verdict` and of the devices' statuses;
 * earlier records do not count.
 *
 * slower_than: a fall of the images per second by more than this share (0.1 for 10 %) makes a device that passed
 * "slower", unless the ranges of the rounds overlap, which is noise; NaN where speed is not judged. It fails if no
 * device has an earlier record to compare its speed with. */
enum verdict judge(json_t *answer, enum verdict verdict, double slower_than);

/* Sets this thread's error text: which devices have not passed and why, and the answer's "error" and "faults". */
void judge_explain(const json_t *answer);

#endif
