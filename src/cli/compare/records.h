/* records.h - the records of compare, one for each device and each time it was measured; vggcl(1) documents them. Those
 * from files are untrusted: any member may be missing or of another type. */
#ifndef VGGCL_CLI_COMPARE_RECORDS_H
#define VGGCL_CLI_COMPARE_RECORDS_H

#include "base/json.h"
#include "cli/verdict.h"

enum { RECORD_NAME = 320, RECORD_WHY = 640 };

/* Element i of the list `key`; NaN if it is missing or not a number. */
double record_element(const json_t *object, const char *key, size_t i);

/* E.g. "0:0 pthread-AMD EPYC", followed by the file that the record was read from, if any. Without control characters,
 * as the text of record_why(). */
void record_name(const json_t *record, char name[RECORD_NAME]);

/* A string member for the terminal, without control characters. */
void record_printable(const json_t *object, const char *key, char *text, size_t size);

/* Why a device has not passed: the first line of its error, of its first fault, or how it is slower. */
void record_why(const json_t *record, char why[RECORD_WHY]);

/* The verdict of its status; VERDICT_FAILED if that is none. */
enum verdict record_verdict(const json_t *record);

/* Whether its status is the given one; whether it is an earlier record, which is only compared with. */
bool record_is(const json_t *record, const char *status);
bool record_is_earlier(const json_t *record);

/* Appends the records in a file of compare --json, each with the file's name ("file"), where and when it was measured
 * ("measured", if the file says it) and "earlier": those of an earlier file, and those that were earlier for the file.
 */
enum vggcl_err records_read(json_t *records, const char *path, bool earlier);

#endif
