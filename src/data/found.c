#define _GNU_SOURCE /* strcasestr */
#include "data/found.h"
#include "base/file.h"
#include "data/decode.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SHOWN_NAMES = 3, SHOWN_BYTES = 64, QUOTED = 4 * VGGCL_PATH_MAX };

/* -------------------------------------------------------------------------------------------- Python's commands -- */

/* They are in double quotes in the shell: without $, ` and ". argv[1] is the folder or file, argv[2] the new folder. */
#define PICKLE_START                                                                                                   \
    "import sys,pickle,numpy as n;p=sys.argv[1]+'/';r=lambda f:pickle.load(open(p+f,'rb'),encoding='latin1');"
#define CIFAR10_SCRIPT                                                                                                 \
    PICKLE_START "[n.c_[n.uint8(d['labels']),d['data']].tofile(p+f+'.bin') for f in ['data_batch_%d'%i for i in "      \
                 "range(1,6)]+['test_batch'] for d in [r(f)]];open(p+'batches.meta.txt','w').write('\\n'.join("        \
                 "r('batches.meta')['label_names']))"
#define CIFAR100_SCRIPT                                                                                                \
    PICKLE_START "[n.c_[n.uint8(d['coarse_labels']),n.uint8(d['fine_labels']),d['data']].tofile(p+f+'.bin') for f in " \
                 "('train','test') for d in [r(f)]];[open(p+k+'.txt','w').write('\\n'.join(v)) for k,v in "            \
                 "r('meta').items() if 'names' in k]"

/* Of each split in the files' names, the pictures of the column with bytes, by the first column of labels. */
#define PARQUET_SCRIPT                                                                                                 \
    "import sys,os,glob,pandas;[(os.makedirs(d:='%s/%s/%04d'%(sys.argv[2],os.path.basename(f).split('-')[0]"           \
    ".replace('validation','val'),r[l]),exist_ok=True),open('%s/%s-%d.png'%(d,os.path.basename(f),i),'wb')"            \
    ".write(r[m]['bytes'])) for f in glob.glob(sys.argv[1]+'/**/*.parquet',recursive=True) for t in "                  \
    "[pandas.read_parquet(f)] for m in t if type(t[m][0])==dict for l in [k for k in t if 'label' in k][:1] for i,r "  \
    "in t.iterrows()]"

/* Keras's x_train and y_train, MedMNIST's train_images and train_labels: of each split the array of more dimensions has
 * the images. */
#define ARRAYS_START "import sys,os,glob,numpy as n;from PIL import Image as I;"
#define ARRAYS_TO_FILES                                                                                                \
    "[(os.makedirs(p:='%s/%s/%04d'%(sys.argv[2],s,c),exist_ok=True),I.fromarray(n.uint8(x)).save('%s/%d.png'%(p,i)))"  \
    " for s in ('train','val','test') for X,Y in [sorted([d[k] for k in d if s in k],key=lambda a:-a.ndim)[:2] or "    \
    "(n.array([]),n.array([]))] for i,(x,c) in enumerate(zip(X,Y.ravel()))]"
#define NPZ_SCRIPT ARRAYS_START "d=n.load(sys.argv[1]);" ARRAYS_TO_FILES
#define NPY_SCRIPT                                                                                                     \
    ARRAYS_START "d={os.path.basename(f):n.load(f) for f in glob.glob(sys.argv[1]+'/*.npy')};" ARRAYS_TO_FILES

/* ------------------------------------------------------------------------------------------------------- kinds -- */

/* Versions of data sets, by files of which all must be there. */
static const struct {
    const char *files[3];
    const char *version, *set, *fetch, *script;
} versions[] = {{{"data_batch_1"}, "Python (pickle)", "CIFAR-10", "cifar10", CIFAR10_SCRIPT},
                {{"train", "test", "meta"}, "Python (pickle)", "CIFAR-100", "cifar100", CIFAR100_SCRIPT},
                {{"data_batch_1.mat"}, "Matlab", "CIFAR-10", "cifar10", NULL},
                {{"train.mat", "test.mat", "meta.mat"}, "Matlab", "CIFAR-100", "cifar100", NULL}};

static const char folders[] = "make a folder of it that has a subfolder of pictures for each class";

/* Files by the ends of their names. */
static const struct kind {
    const char *ends[4];
    const char *is;     /* "a zip archive" */
    const char *advice; /* followed by a command if there is one */
    const char *script; /* of Python */
    const char *tool;   /* a command before the file's name */
    bool of_folder;     /* the script takes the file's folder, not the file */
} kinds[] = {
    {{".parquet"}, "a Parquet file (Hugging Face)", "convert it to pictures", PARQUET_SCRIPT, NULL, true},
    {{".npz"}, "a file of NumPy arrays", "convert it to pictures", NPZ_SCRIPT, NULL, false},
    {{".npy"}, "a NumPy array", "convert it to pictures", NPY_SCRIPT, NULL, true},
    {{".zip"}, "a zip archive", "unpack it, and set data to its folder", NULL, "unzip", false},
    {{".tar", ".tar.gz", ".tgz", ".tar.xz"},
     "a tar archive",
     "unpack it, and set data to its folder",
     NULL,
     "tar xf",
     false},
    {{".tar.bz2", ".tar.zst"}, "a tar archive", "unpack it, and set data to its folder", NULL, "tar xf", false},
    {{".7z"}, "a 7z archive", "unpack it, and set data to its folder", NULL, "7z x", false},
    {{".rar"}, "a rar archive", "unpack it, and set data to its folder", NULL, "unrar x", false},
    {{".tfrecord", ".tfrecords"}, "a TFRecord file (TensorFlow)", folders, NULL, NULL, false},
    {{".arrow"}, "an Arrow file (Hugging Face)", folders, NULL, NULL, false},
    {{".mdb"}, "an LMDB database", folders, NULL, NULL, false},
    {{".h5", ".hdf5"}, "an HDF5 file", folders, NULL, NULL, false},
    {{".mat"}, "a Matlab file", folders, NULL, NULL, false},
    {{".pkl", ".pickle"}, "a Python pickle", folders, NULL, NULL, false},
    {{".heic", ".heif", ".avif"},
     "a picture of a format that vggcl does not read",
     "convert it to JPEG or PNG",
     NULL,
     NULL,
     false},
    {{".safetensors", ".pt", ".pth"},
     "a file of weights",
     "set weights to it, and data to a folder of images",
     NULL,
     NULL,
     false},
    {{".csv", ".tsv"}, "a table", folders, NULL, NULL, false}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* At the end, or before the number of a part: ".tfrecord-00000-of-00002". */
static bool has_end(const char *name, const char *end) {
    const char *found = strcasestr(name, end);
    return found && (found[strlen(end)] == '\0' || found[strlen(end)] == '-');
}

static const struct kind *kind_of(const char *name) {
    for (const struct kind *k = kinds; k < kinds + KINDS; k++)
        for (size_t i = 0; i < sizeof k->ends / sizeof *k->ends && k->ends[i]; i++)
            if (has_end(name, k->ends[i]))
                return k;
    return NULL;
}

/* ------------------------------------------------------------------------------------------------- paths, files -- */

static bool join(char out[VGGCL_PATH_MAX], const char *folder, const char *name) {
    size_t length = strlen(folder);
    return snprintf(out, VGGCL_PATH_MAX, "%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/", name) <
           VGGCL_PATH_MAX;
}

static bool is_file(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool has_file(const char *folder, const char *name) {
    char path[VGGCL_PATH_MAX];
    return join(path, folder, name) && is_file(path);
}

/* The folder that a file is in. */
static void folder_of(char out[VGGCL_PATH_MAX], const char *path) {
    snprintf(out, VGGCL_PATH_MAX, "%s", path);
    file_cut_to_folder(out);
}

/* A path as a word of the shell. */
static const char *quoted(char out[QUOTED], const char *path) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+-@,:=%";
    size_t length = 0;
    if (strspn(path, plain) == strlen(path)) {
        snprintf(out, QUOTED, "%s", path);
        return out;
    }
    out[length++] = '\'';
    for (; *path && length + 6 < QUOTED; path++)
        length += (size_t)snprintf(out + length, QUOTED - length, *path == '\'' ? "'\\''" : "%c", *path);
    snprintf(out + length, QUOTED - length, "'");
    return out;
}

/* IDX: 0, 0, 8 for bytes, the number of dimensions. */
static bool is_idx(const char *path, int *dimensions) {
    unsigned char magic[4];
    FILE *file;
    uint64_t size;
    char *kept = err_keep();
    bool found = false;
    if (file_open(path, &file, &size) == VGGCL_OK) {
        found = fread(magic, 1, sizeof magic, file) == sizeof magic && !magic[0] && !magic[1] && magic[2] == 8 &&
                (magic[3] == 1 || magic[3] == 3 || magic[3] == 4);
        *dimensions = magic[3];
        fclose(file);
    }
    err_put_back(kept);
    return found;
}

/* ------------------------------------------------------------------------------------------ what a folder holds -- */

static bool other_version(const char *folder, char text[FOUND_TEXT]) {
    char word[QUOTED];
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        bool all = true;
        for (size_t k = 0; k < 3 && versions[i].files[k]; k++)
            all = all && has_file(folder, versions[i].files[k]);
        if (!all)
            continue;
        int length =
            snprintf(text, FOUND_TEXT,
                     "this is the %s version of %s; vggcl reads the binary version, which `vggcl fetch %s` gets",
                     versions[i].version, versions[i].set, versions[i].fetch);
        if (versions[i].script)
            snprintf(text + length, FOUND_TEXT - (size_t)length, ", or which this makes of it: python3 -c \"%s\" %s",
                     versions[i].script, quoted(word, folder));
        return true;
    }
    return false;
}

/* Of a file of a kind: what it is, and what to type. */
static void describe_kind(const struct kind *kind, const char *path, char text[FOUND_TEXT]) {
    char folder[VGGCL_PATH_MAX], word[QUOTED];
    folder_of(folder, path);
    quoted(word, kind->of_folder ? folder : path);
    int length = snprintf(text, FOUND_TEXT, "is %s; %s", kind->is, kind->advice);
    if (kind->script)
        snprintf(text + length, FOUND_TEXT - (size_t)length,
                 " in a new folder, and set data to that: python3 -c \"%s\" %s pictures", kind->script, word);
    if (kind->tool)
        snprintf(text + length, FOUND_TEXT - (size_t)length, ": %s %s", kind->tool, word);
}

/* Whether a file in the folder is of a kind, in the order of the kinds. */
static bool holds_kind(const char *folder, struct dirent **entries, int count, char text[FOUND_TEXT]) {
    char path[VGGCL_PATH_MAX], *what = malloc(FOUND_TEXT);
    const struct kind *best = NULL;
    const char *name = NULL;
    for (int i = 0; i < count; i++) {
        const struct kind *kind = kind_of(entries[i]->d_name);
        if (kind && (!best || kind < best) && join(path, folder, entries[i]->d_name) && is_file(path)) {
            best = kind;
            name = entries[i]->d_name;
        }
    }
    bool found = best && what && join(path, folder, name);
    if (found) {
        describe_kind(best, path, what);
        snprintf(text, FOUND_TEXT, "is not a data set that vggcl reads: %s %s", path, what);
    }
    free(what);
    return found;
}

static bool holds_idx(const char *folder, struct dirent **entries, int count, char text[FOUND_TEXT]) {
    enum { LOOKED_AT = 64 };
    char path[VGGCL_PATH_MAX];
    int dimensions;
    for (int i = 0; i < count && i < LOOKED_AT; i++)
        if (join(path, folder, entries[i]->d_name) && is_file(path) && is_idx(path, &dimensions)) {
            snprintf(text, FOUND_TEXT,
                     "holds IDX files under other names: %s has %s; rename them to train-images-idx3-ubyte, "
                     "train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte",
                     path, dimensions == 1 ? "labels" : "images");
            return true;
        }
    return false;
}

static bool holds_pictures(const char *folder, struct dirent **entries, int count, char text[FOUND_TEXT]) {
    char word[QUOTED];
    int pictures = 0;
    for (int i = 0; i < count; i++)
        pictures += decode_is_picture(entries[i]->d_name);
    if (pictures)
        snprintf(text, FOUND_TEXT,
                 "has %d picture%s, but no folder for each class; to train on them, sort them into folders, "
                 "%s/CLASS/picture.jpg; to classify them with trained weights: vggcl predict %s",
                 pictures, pictures == 1 ? "" : "s", folder, quoted(word, folder));
    return pictures;
}

/* A subfolder that is a data set itself. */
static bool holds_set(const char *folder, struct dirent **entries, int count, bool (*recognise)(const char *),
                      char text[FOUND_TEXT]) {
    enum { LOOKED_AT = 64 };
    char path[VGGCL_PATH_MAX];
    for (int i = 0; i < count && i < LOOKED_AT; i++)
        if (join(path, folder, entries[i]->d_name) && file_is_folder(path) && recognise(path)) {
            snprintf(text, FOUND_TEXT, "the data set is one folder deeper: set data to %s", path);
            return true;
        }
    return false;
}

/* A subfolder that has a file of a kind. */
static bool in_subfolders(const char *folder, struct dirent **entries, int count, char text[FOUND_TEXT]) {
    enum { LOOKED_AT = 64 };
    char path[VGGCL_PATH_MAX];
    bool found = false;
    for (int i = 0; i < count && i < LOOKED_AT && !found; i++) {
        struct dirent **inner;
        if (!join(path, folder, entries[i]->d_name) || !file_is_folder(path))
            continue;
        int inner_count = folder_list(path, &inner);
        found = other_version(path, text) || holds_kind(path, inner, inner_count, text);
        folder_list_free(inner, inner_count);
    }
    return found;
}

static bool has_folder(const char *folder) {
    char path[VGGCL_PATH_MAX];
    struct dirent **entries;
    int count = folder_list(folder, &entries);
    bool found = false;
    for (int i = 0; i < count && !found; i++)
        found = join(path, folder, entries[i]->d_name) && file_is_folder(path);
    folder_list_free(entries, count);
    return found;
}

/* Mostly folders, which could be classes, because they have no folders themselves; none has a picture. */
static bool holds_folders(const char *folder, struct dirent **entries, int count, char text[FOUND_TEXT]) {
    enum { LOOKED_AT = 8 };
    char path[VGGCL_PATH_MAX], first[VGGCL_PATH_MAX];
    int folders = 0;
    for (int i = 0; i < count; i++) {
        if (!join(path, folder, entries[i]->d_name) || !file_is_folder(path))
            continue;
        if (folders < LOOKED_AT && has_folder(path))
            return false;
        if (!folders++)
            strcpy(first, path);
    }
    if (2 * folders < count || !folders)
        return false;
    snprintf(text, FOUND_TEXT,
             "has folders, as that of a data set of pictures, but no pictures (jpg, png, webp, gif, tiff or bmp) "
             "in them; put those of one class into %s, and so on",
             first);
    return true;
}

static bool known_folder(const char *folder, bool (*recognise)(const char *), char text[FOUND_TEXT]) {
    struct dirent **entries;
    int count = folder_list(folder, &entries);
    bool found = other_version(folder, text) || holds_set(folder, entries, count, recognise, text) ||
                 holds_pictures(folder, entries, count, text) || holds_idx(folder, entries, count, text) ||
                 holds_kind(folder, entries, count, text) || in_subfolders(folder, entries, count, text) ||
                 holds_folders(folder, entries, count, text);
    folder_list_free(entries, count);
    return found;
}

static bool known_file(const char *path, bool (*recognise)(const char *), char text[FOUND_TEXT]) {
    char folder[VGGCL_PATH_MAX], word[QUOTED];
    int dimensions;
    const struct kind *kind = kind_of(path);
    folder_of(folder, path);
    if (decode_is_picture(path))
        snprintf(text, FOUND_TEXT,
                 "is a picture, and data takes a folder; to classify it with trained weights: vggcl predict %s",
                 quoted(word, path));
    else if (kind)
        describe_kind(kind, path, text);
    else if (recognise(folder))
        snprintf(text, FOUND_TEXT, "is a file of a data set; set data to its folder, %s", folder);
    else if (is_idx(path, &dimensions))
        snprintf(text, FOUND_TEXT, "is a file, and data takes the folder of a data set; set data to %s", folder);
    else
        return other_version(folder, text);
    return true;
}

bool found_known(const char *name, bool (*recognise)(const char *folder), char text[FOUND_TEXT]) {
    if (file_is_folder(name))
        return known_folder(name, recognise, text);
    return is_file(name) && known_file(name, recognise, text);
}

/* Appends a name, shortened, and with control characters as '?'. */
static void add_name(char text[FOUND_TEXT], const char *separator, const char *name) {
    size_t length = strlen(text);
    snprintf(text + length, FOUND_TEXT - length, "%s%.*s%s", separator, SHOWN_BYTES, name,
             strlen(name) > SHOWN_BYTES ? "..." : "");
    for (char *c = text + length; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
}

void found_names(const char *folder, char text[FOUND_TEXT]) {
    struct dirent **entries;
    int count = folder_list(folder, &entries);
    strcpy(text, count ? "is not a data set that vggcl reads" : "is an empty folder");
    if (count < 0) {
        snprintf(text, FOUND_TEXT, "cannot be listed: %s", strerror(errno));
        return;
    }
    for (int i = 0; i < count && i < SHOWN_NAMES; i++)
        add_name(text, i == 0 ? ": it holds " : i == count - 1 ? " and " : ", ", entries[i]->d_name);
    size_t length = strlen(text);
    if (count > SHOWN_NAMES)
        snprintf(text + length, FOUND_TEXT - length, " and %d more", count - SHOWN_NAMES);
    folder_list_free(entries, count);
}
