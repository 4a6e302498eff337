/* data.h - a data set in the temporary folder, for the targets of data formats. */
#ifndef VGGCL_TESTS_FUZZ_DATA_H
#define VGGCL_TESTS_FUZZ_DATA_H

#include "data/data.h"

/* Opens and counts the set, and checks that labels are below the number of classes, which have names, and that pixels
 * can be read. */
void fuzz_open_data(const struct data_source *source);

#endif
