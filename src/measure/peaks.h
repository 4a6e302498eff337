/* peaks.h - a device's peaks, and the bound that they set to an operator (the roofline model, Williams et al. 2009). */
#ifndef VGGCL_MEASURE_PEAKS_H
#define VGGCL_MEASURE_PEAKS_H

#include "cl/device.h"

/* Measures the peaks of struct vggcl_peaks, in about a second. */
enum vggcl_err peaks_measure(struct dev *d, struct vggcl_peaks *peaks);

/* Seconds of t's operations at the peak of the instructions that compute them. */
double peaks_arithmetic(const struct vggcl_peaks *peaks, const struct vggcl_direction_time *t);

/* Sets t's bound from its operations, reads and writes. bytes: of the memory that they touch. */
void peaks_bound(const struct vggcl_peaks *peaks, double bytes, struct vggcl_direction_time *t);

#endif
