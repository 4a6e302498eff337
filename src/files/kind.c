#define _GNU_SOURCE /* memmem */
#include "files/kind.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { SEARCHED = 256 }; /* bytes in which the name of an archive's first member stands */

/* A file of this kind has these bytes `at` this place, and `member`, if that is not NULL, among the first ones. */
struct mark {
    size_t at, length;
    const char *bytes, *member;
    struct file_kind kind;
};

#define MARK(at, bytes, member) at, sizeof(bytes) - 1, bytes, member
#define WANTED                  "vggcl takes .safetensors, and converts PyTorch's .pt and .pth (vggcl help convert)"

/* The first one that fits counts. */
static const struct mark marks[] = {
    {MARK(0, "PK\3\4", "data.pkl"), {"an archive of PyTorch (torch.save)", NULL, NULL}},
    {MARK(0, "PK\3\4", ".npy"), {"an archive of NumPy (.npz)", WANTED, NULL}},
    {MARK(0, "PK\3\4", NULL), {"a zip archive", "unpack it first", "unzip"}},
    {MARK(0, "\200\2\212\n\154\374", NULL), {"a file of an early PyTorch (torch.save)", NULL, NULL}},
    {MARK(0, "\200\2", NULL), {"a pickle of Python", NULL, NULL}},
    {MARK(0, "\200\3", NULL), {"a pickle of Python", NULL, NULL}},
    {MARK(0, "\200\4", NULL), {"a pickle of Python", NULL, NULL}},
    {MARK(0, "\200\5", NULL), {"a pickle of Python", NULL, NULL}},
    {MARK(0, "\37\213", NULL), {"compressed by gzip", "decompress it first", "gunzip"}},
    {MARK(0,
          "\375"
          "7zXZ",
          NULL),
     {"compressed by xz", "decompress it first", "unxz"}},
    {MARK(0, "\50\265\57\375", NULL), {"compressed by zstd", "decompress it first", "unzstd"}},
    {MARK(257, "ustar", NULL), {"a tar archive", "unpack it first", "tar xf"}},
    {MARK(0, "\211HDF\r\n\32\n", NULL), {"an HDF5 file, as Keras writes it", WANTED, NULL}},
    {MARK(0, "GGUF", NULL), {"a GGUF file, as llama.cpp reads it", WANTED, NULL}},
    {MARK(0, "\223NUMPY", NULL), {"an array of NumPy (.npy)", WANTED, NULL}},
    {MARK(4, "TFL3", NULL), {"a model of TensorFlow Lite", WANTED, NULL}},
    {MARK(0, "\10\1\22", NULL), {"a model of TensorFlow (SavedModel)", WANTED, NULL}},
    {MARK(0, "version https://git-lfs", NULL),
     {"only a pointer of Git LFS, without the data", "get the file itself: git lfs pull", NULL}},
    {MARK(0, "<", NULL), {"a web page or XML", "the download failed: get the file itself", NULL}},
};

static bool fits(const struct mark *m, const char *bytes, size_t size) {
    if (size < m->at + m->length || memcmp(bytes + m->at, m->bytes, m->length) != 0)
        return false;
    return !m->member || memmem(bytes, size < SEARCHED ? size : SEARCHED, m->member, strlen(m->member));
}

/* ONNX has no mark: its first field is the version of the format, a small number, and the next a text or a message. */
static bool is_onnx(const char *bytes, size_t size) {
    return size > 2 && bytes[0] == 8 && bytes[1] > 1 && bytes[1] < 32 && (bytes[2] == 0x12 || bytes[2] == 0x3A);
}

const struct file_kind *file_kind(const char *bytes, size_t size) {
    static const struct file_kind onnx = {"an ONNX model", WANTED, NULL};
    for (const struct mark *m = marks; m < marks + sizeof marks / sizeof *marks; m++)
        if (fits(m, bytes, size))
            return &m->kind;
    return is_onnx(bytes, size) ? &onnx : NULL;
}

void file_kind_command(const char *path, char *text, size_t size) {
    const char *name = strrchr(path, '/'), *end = strrchr(name ? name : path, '.');
    const char *quote = path[strcspn(path, " \t'\"\\$&;()<>|*?`#!~")] ? "'" : "";
    int stem = end ? (int)(end - path) : (int)strlen(path);
    const char *other = end && strcmp(end, ".safetensors") == 0 ? "-converted" : "";
    snprintf(text, size, "vggcl convert %s%s%s %s%.*s%s.safetensors%s", quote, path, quote, quote, stem, path, other,
             quote);
}
