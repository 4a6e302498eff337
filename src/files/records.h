/* records.h - files of records as TensorFlow writes them (TFRecord): each is its length, a checksum of the length, its
 * bytes and a checksum of these. TensorBoard reads files of this form, whose names say when they were made. */
#ifndef VGGCL_FILES_RECORDS_H
#define VGGCL_FILES_RECORDS_H

#include "base/log_file.h"

/* The checksum of the format: CRC-32C, rotated right by 15 bits, plus 0xa282ead8. */
uint32_t records_checksum(const void *bytes, size_t size);

/* Adds a record to the file, to be written by log_file_flush(). */
enum vggcl_err records_add(struct log_file *file, const void *bytes, size_t size);

/* Whether the folder has files of records; *latest: the latest time in their names, in seconds since 1970. What cannot
 * be read has none. */
bool records_in(const char *folder, int64_t *latest);

/* Creates a file of records in folder, events.out.tfevents.TIME.HOST.PROCESS. TIME is later than those that are there,
 * so that TensorBoard, which goes by the names, reads it after them. The folder is created if missing. VGGCL_EIO. */
enum vggcl_err records_create(struct log_file *file, const char *option, const char *folder);

/* Moves all files of records to the first of folder.1, folder.2, ... that does not exist; its name is stored in
 * moved_to. */
enum vggcl_err records_move_aside(const char *option, const char *folder, char moved_to[static VGGCL_PATH_MAX]);

#endif
