#define _DEFAULT_SOURCE /* fts, realpath */
#include "data/tree.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/decode.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const char *const test_names[] = {"test", "val", "valid", NULL};

/* For a folder that the layout needs. Below, a link to a folder is not followed either, so that none can lead out, or
 * in a circle. */
static enum vggcl_err check_not_link(const char *folder) {
    struct stat status;
    if (lstat(folder, &status) != 0 || !S_ISLNK(status.st_mode))
        return VGGCL_OK;
    return err_set(VGGCL_EFORMAT,
                   "%s: is a symbolic link to a folder, which is not followed; put the folder itself there, or remove "
                   "the link",
                   folder);
}

static enum vggcl_err join(char out[VGGCL_PATH_MAX], const char *folder, const char *name) {
    if (snprintf(out, VGGCL_PATH_MAX, "%s/%s", folder, name) < VGGCL_PATH_MAX)
        return VGGCL_OK;
    return err_set(VGGCL_EIO, "%s/%s: the path is longer than %d bytes", folder, name, VGGCL_PATH_MAX - 1);
}

/* ------------------------------------------------------------------------------------------------ the classes -- */

/* The names of the subfolders, in the order of their bytes. The caller frees the names and the list, on failure too. */
static enum vggcl_err list_subfolders(const char *folder, char ***names, size_t *count) {
    enum vggcl_err err = VGGCL_OK;
    struct dirent **entries;
    char path[VGGCL_PATH_MAX];
    *count = 0;
    *names = NULL;
    int entry_count = folder_list(folder, &entries);
    if (entry_count < 0)
        return err_set(VGGCL_EIO, "%s: cannot be read: %s", folder, strerror(errno));
    *names = calloc((size_t)entry_count + 1, sizeof **names);
    if (!*names) {
        err = err_no_memory("the classes", (size_t)entry_count * sizeof **names);
        goto done;
    }
    for (int i = 0; i < entry_count; i++) {
        TRY_GOTO(join(path, folder, entries[i]->d_name), done);
        if (!file_is_folder(path))
            continue;
        TRY_GOTO(check_not_link(path), done);
        (*names)[*count] = strdup(entries[i]->d_name);
        if (!(*names)[(*count)++]) {
            err = err_no_memory("a class", strlen(entries[i]->d_name));
            goto done;
        }
    }
done:
    folder_list_free(entries, entry_count);
    return err;
}

static void free_names(char **names, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* The number of subfolders, 0 if it cannot be read; first: the path of the first one. */
static size_t count_subfolders(const char *folder, char first[VGGCL_PATH_MAX]) {
    char *kept = err_keep(), **names;
    size_t count, found = 0;
    if (list_subfolders(folder, &names, &count) == VGGCL_OK && count && join(first, folder, names[0]) == VGGCL_OK)
        found = count;
    free_names(names, count);
    err_put_back(kept);
    return found;
}

static bool has_subfolder(const char *folder) {
    char first[VGGCL_PATH_MAX];
    return count_subfolders(folder, first) > 0;
}

/* From a folder with one subfolder, which may have one, and so on, to the first that has several or a folder train. */
static bool find_deeper(const char *folder, char deeper[VGGCL_PATH_MAX]) {
    enum { DEEPEST = 8 };
    char first[VGGCL_PATH_MAX];
    snprintf(deeper, VGGCL_PATH_MAX, "%s", folder);
    for (int i = 0; i < DEEPEST; i++) {
        size_t count = count_subfolders(deeper, first);
        if (count != 1 || (strcmp(strrchr(first, '/'), "/train") == 0 && has_subfolder(first)))
            return count > 0;
        strcpy(deeper, first);
    }
    return false;
}

static int by_letters(const void *a, const void *b) {
    return strcasecmp(*(char *const *)a, *(char *const *)b);
}

/* Cat and cat are one class on some file systems and two on others; so two of them are most likely a mistake. */
static enum vggcl_err check_case(const struct tree *t) {
    enum vggcl_err err = VGGCL_OK;
    char **sorted = malloc(t->class_count * sizeof *sorted);
    if (!sorted)
        return err_no_memory("the classes", t->class_count * sizeof *sorted);
    memcpy(sorted, t->classes, t->class_count * sizeof *sorted);
    qsort(sorted, t->class_count, sizeof *sorted, by_letters);
    for (size_t i = 1; i < t->class_count && err == VGGCL_OK; i++)
        if (strcasecmp(sorted[i - 1], sorted[i]) == 0)
            err = err_set(VGGCL_EFORMAT, "%s: the classes %s and %s differ by case alone; rename or merge them",
                          t->folder, sorted[i - 1], sorted[i]);
    free(sorted);
    return err;
}

static enum vggcl_err read_classes(struct tree *t, const char *folder) {
    char deeper[VGGCL_PATH_MAX];
    TRY(list_subfolders(folder, &t->classes, &t->class_count));
    if (t->class_count == 1 && find_deeper(folder, deeper))
        return err_set(VGGCL_EFORMAT, "%s: has one folder, %s; the folders of the classes are deeper: set data to %s",
                       folder, t->classes[0], deeper);
    if (t->class_count < 2)
        return err_set(VGGCL_EFORMAT,
                       "%s: has %zu subfolder%s; a folder of pictures needs one for each class, and at least two: "
                       "%s/CLASS/picture.jpg",
                       folder, t->class_count, text_plural((long long)t->class_count), folder);
    if (t->class_count > DATA_MOST_CLASSES)
        return err_set(VGGCL_EFORMAT, "%s: has %zu subfolders, more than the %d classes that a network can have",
                       folder, t->class_count, DATA_MOST_CLASSES);
    return check_case(t);
}

static int by_name(const void *name, const void *element) {
    return strcmp(name, *(char *const *)element);
}

/* The position of a class; class_count if there is none of that name. */
static size_t find_class(const struct tree *t, const char *name) {
    char **found = bsearch(name, t->classes, t->class_count, sizeof *t->classes, by_name);
    return found ? (size_t)(found - t->classes) : t->class_count;
}

/* ----------------------------------------------------------------------------------------------- the pictures -- */

static int in_order(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static FTS *open_walk(const char *folder) {
    char path[VGGCL_PATH_MAX];
    snprintf(path, sizeof path, "%s", folder);
    return fts_open((char *const[]){path, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, in_order);
}

/* Whether a symbolic link leads to a file inside of root, an absolute path without links. */
static bool leads_inside(const char *link, const char *root) {
    char target[PATH_MAX];
    struct stat status;
    size_t length = strlen(root);
    return realpath(link, target) && strncmp(target, root, length) == 0 && target[length] == '/' &&
           stat(target, &status) == 0 && S_ISREG(status.st_mode);
}

/* Whether the walk is at a picture. Hidden files and folders are passed over. */
static bool is_picture(FTS *walk, FTSENT *entry, const char *root) {
    if (entry->fts_level > 0 && entry->fts_name[0] == '.') {
        if (entry->fts_info == FTS_D)
            fts_set(walk, entry, FTS_SKIP);
        return false;
    }
    if (!decode_is_picture(entry->fts_name))
        return false;
    return entry->fts_info == FTS_F || (entry->fts_info == FTS_SL && leads_inside(entry->fts_accpath, root));
}

static enum vggcl_err add_picture(struct tree *t, const FTSENT *entry, size_t class_index, bool test) {
    struct stat status = *entry->fts_statp;
    if (entry->fts_info == FTS_SL && stat(entry->fts_accpath, &status) != 0)
        return VGGCL_OK; /* the file vanished */
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 1024;
        struct picture *grown = realloc(t->pictures, room * sizeof *grown);
        if (!grown)
            return err_no_memory("the list of pictures", room * sizeof *grown);
        t->pictures = grown;
        t->room = room;
    }
    struct picture *p = &t->pictures[t->count];
    *p = (struct picture){.path = strdup(entry->fts_path),
                          .class_index = class_index,
                          .test = test,
                          .bytes = (uint64_t)status.st_size,
                          .changed = status.st_mtim};
    if (!p->path)
        return err_no_memory("the name of a picture", strlen(entry->fts_path));
    t->count++;
    return VGGCL_OK;
}

/* A file that vanishes during the walk is no error; one that cannot be looked at is, or it would be lost silently. */
static enum vggcl_err check_entry(const FTSENT *entry) {
    bool failed = entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS;
    if (!failed || entry->fts_errno == ENOENT)
        return VGGCL_OK;
    return err_set(VGGCL_EIO, "%s: cannot be read: %s", entry->fts_path, strerror(entry->fts_errno));
}

/* Adds all pictures below folder/name. */
static enum vggcl_err read_class(struct tree *t, const char *folder, const char *name, size_t class_index, bool test) {
    enum vggcl_err err = VGGCL_OK;
    char path[VGGCL_PATH_MAX], root[PATH_MAX];
    size_t before = t->count;
    FTSENT *entry;
    TRY(join(path, folder, name));
    FTS *walk = realpath(t->folder, root) ? open_walk(path) : NULL;
    if (!walk)
        return err_set(VGGCL_EIO, "%s: cannot be read: %s", path, strerror(errno));
    while ((entry = fts_read(walk))) {
        TRY_GOTO(check_entry(entry), done);
        if (is_picture(walk, entry, root))
            TRY_GOTO(add_picture(t, entry, class_index, test), done);
    }
    if (errno)
        err = err_set(VGGCL_EIO, "%s: cannot be read: %s", path, strerror(errno));
done:
    fts_close(walk);
    if (err != VGGCL_OK || t->count > before)
        return err;
    return err_set(VGGCL_EFORMAT,
                   "%s: has no pictures (jpg, png, webp, gif, tiff or bmp); add some, or remove the folder", path);
}

static enum vggcl_err read_training(struct tree *t, const char *folder) {
    for (size_t i = 0; i < t->class_count; i++)
        TRY(read_class(t, folder, t->classes[i], i, false));
    return VGGCL_OK;
}

/* Pictures to test on whose classes are in another file, as ImageNet's are. */
static enum vggcl_err without_classes(const struct tree *t, const char *folder) {
    return err_set(VGGCL_EFORMAT,
                   "%s: has no subfolders of classes, as %s/train has; sort its pictures into such folders, or move it "
                   "to another place: a share of the training pictures is tested on then (test-share)",
                   folder, t->folder);
}

static enum vggcl_err read_test(struct tree *t, const char *folder) {
    enum vggcl_err err;
    char **names;
    size_t count;
    TRY_GOTO(list_subfolders(folder, &names, &count), done);
    if (!count || (count == 1 && find_class(t, names[0]) == t->class_count && strcasecmp(names[0], "images") == 0)) {
        err = without_classes(t, folder);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        size_t class_index = find_class(t, names[i]);
        if (class_index == t->class_count) {
            err = err_set(VGGCL_EFORMAT,
                          "%s/%s: is a class that has no training pictures; put some into %s/train/%s, or remove the "
                          "test pictures of this class",
                          folder, names[i], t->folder, names[i]);
            goto done;
        }
        TRY_GOTO(read_class(t, folder, names[i], class_index, true), done);
    }
done:
    free_names(names, count);
    return err;
}

/* --------------------------------------------------------------------------------------------------- the layout -- */

/* The folder's layout: train is the folder of the classes, test that of the test pictures, or "". A folder "train" that
 * has only pictures, and no folder of test pictures beside it, is a class: that of railway trains. */
static enum vggcl_err find_layout(const char *folder, char train[VGGCL_PATH_MAX], char test[VGGCL_PATH_MAX]) {
    TRY(join(train, folder, "train"));
    for (const char *const *name = test_names; *name && file_is_folder(train); name++) {
        TRY(join(test, folder, *name));
        if (file_is_folder(test))
            return VGGCL_OK;
    }
    *test = '\0';
    if (!file_is_folder(train) || !has_subfolder(train))
        snprintf(train, VGGCL_PATH_MAX, "%s", folder);
    return VGGCL_OK;
}

/* The first of the words that is the folder's name, in any case; NULL if none is. */
static const char *word_of(const char *name, const char *const *words) {
    while (*words && strcasecmp(name, *words) != 0)
        words++;
    return *words;
}

/* Folders of training and of test pictures under names that are not looked for: not taken for classes. */
static enum vggcl_err check_names(const char *folder) {
    static const char *const train_words[] = {"train", "training", NULL};
    static const char *const test_words[] = {"test", "testing", "eval", "dev", "val", "valid", "validation", NULL};
    const char *train = NULL, *test = NULL, *word = NULL;
    char path[VGGCL_PATH_MAX], **names;
    enum vggcl_err err;
    size_t count;
    TRY_GOTO(list_subfolders(folder, &names, &count), done);
    for (size_t i = 0; i < count; i++) {
        TRY_GOTO(join(path, folder, names[i]), done);
        if (word_of(names[i], train_words) && has_subfolder(path))
            train = names[i];
        else if (word_of(names[i], test_words) && has_subfolder(path)) {
            test = names[i];
            word = *test == 'v' || *test == 'V' ? "val" : "test";
        }
    }
    if (train && test)
        err = err_set(VGGCL_EFORMAT,
                      "%s: has the folders %s and %s, which must be called train and %s: rename them; to train with "
                      "the pictures of %s alone, set data to %s/%s",
                      folder, train, test, word, train, folder, train);
done:
    free_names(names, count);
    return err;
}

enum vggcl_err tree_read(const char *folder, struct tree *t) {
    char train[VGGCL_PATH_MAX], test[VGGCL_PATH_MAX];
    *t = (struct tree){0};
    snprintf(t->folder, sizeof t->folder, "%s", folder);
    TRY(find_layout(folder, train, test));
    if (strcmp(train, folder) != 0)
        TRY(check_not_link(train));
    TRY(check_not_link(test));
    if (!*test)
        TRY(check_names(folder));
    TRY(read_classes(t, train));
    TRY(read_training(t, train));
    t->has_test = *test;
    return t->has_test ? read_test(t, test) : VGGCL_OK;
}

void tree_forget_problems(struct tree *t) {
    for (size_t i = 0; i < t->count; i++) {
        free(t->pictures[i].problem);
        t->pictures[i].problem = NULL;
        t->pictures[i].left_out = false;
    }
}

void tree_free(struct tree *t) {
    tree_forget_problems(t);
    for (size_t i = 0; i < t->count; i++)
        free(t->pictures[i].path);
    free(t->pictures);
    free_names(t->classes, t->class_count);
    *t = (struct tree){0};
}

/* Whether the folder itself has a file with a picture's name. */
static bool has_picture(const char *folder) {
    const struct dirent *entry;
    bool found = false;
    DIR *list = opendir(folder);
    while (list && !found && (entry = readdir(list)))
        found = *entry->d_name != '.' && decode_is_picture(entry->d_name);
    if (list)
        closedir(list);
    return found;
}

/* Whether there is a picture in a subfolder. That of a link counts, for tree_read() to say that it is not followed.
 * Gives up after a number of files, because the folder can be anything, such as a whole disk. */
static bool has_class(const char *folder) {
    enum { LOOKED_AT = 2000 };
    char root[PATH_MAX];
    bool found = false;
    FTSENT *entry;
    FTS *walk = realpath(folder, root) ? open_walk(root) : NULL;
    for (int i = 0; i < LOOKED_AT && walk && !found && (entry = fts_read(walk)); i++)
        found = entry->fts_level > 1 ? is_picture(walk, entry, root)
                                     : entry->fts_info == FTS_SL && has_picture(entry->fts_path);
    if (walk)
        fts_close(walk);
    return found;
}

bool tree_recognise(const char *folder) {
    char train[VGGCL_PATH_MAX], test[VGGCL_PATH_MAX];
    char *kept = err_keep();
    bool found = find_layout(folder, train, test) == VGGCL_OK && file_is_folder(train) && has_class(train);
    err_put_back(kept);
    return found;
}

uint64_t tree_hash(const struct tree *t) {
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < t->count; i++) {
        const struct picture *p = &t->pictures[i];
        const char *name = p->path + strlen(t->folder);
        const int64_t numbers[] = {(int64_t)p->bytes, (int64_t)p->changed.tv_sec, p->changed.tv_nsec};
        hash = hash_bytes(hash, name, strlen(name) + 1);
        hash = hash_bytes(hash, numbers, sizeof numbers);
    }
    return hash;
}
