/* tree.h - the pictures in a folder with a subfolder for each class, by their names only.
 *
 * FOLDER/CLASS/..., or FOLDER/train/CLASS/... with FOLDER/test, FOLDER/val or FOLDER/valid (the layout of torchvision's
 * ImageFolder; the first of the three that exists). A class's pictures may be in subfolders of any depth. Classes and
 * pictures are in the order of the bytes of their names, on every machine. Names that begin with a dot are ignored. A
 * symbolic link to a file is followed if the file is inside of the folder; links to folders are not followed. */
#ifndef VGGCL_DATA_TREE_H
#define VGGCL_DATA_TREE_H

#include "base/err.h"

#include <time.h>

struct picture {
    char *path; /* begins with the tree's folder */
    size_t class_index;
    bool test; /* from the folder's test, val or valid */
    uint64_t bytes;
    struct timespec changed; /* the file's modification time */
    bool left_out;           /* it cannot be decoded */
    char *problem;           /* why; NULL if that is not known */
};

struct tree {
    char folder[VGGCL_PATH_MAX];
    char **classes; /* [class_count]: their names */
    size_t class_count;
    struct picture *pictures; /* those to train with, class by class, then those to test on */
    size_t count, room;
    bool has_test; /* whether there is a folder of test pictures */
};

/* Whether the folder has such a layout: at least one picture in a class's folder. Cheap. */
bool tree_recognise(const char *folder);

/* Lists the pictures. Call tree_free() on failure too. VGGCL_EIO if a folder cannot be read; VGGCL_EFORMAT for fewer
 * than two classes or too many, a class without pictures, two classes whose names differ by case alone, a test folder
 * with a class that the training folder lacks, a link in place of one of these folders. */
enum vggcl_err tree_read(const char *folder, struct tree *tree);
void tree_free(struct tree *tree);

/* As if no picture had been tried. */
void tree_forget_problems(struct tree *tree);

/* A hash of the names, sizes and modification times of all pictures: whether their contents may have changed. Names
 * begin below the folder. */
uint64_t tree_hash(const struct tree *tree);

#endif
