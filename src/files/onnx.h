/* onnx.h - writes a chain of operators as an ONNX model (https://onnx.ai), which ONNX Runtime, TensorRT, OpenVINO and
 * many others run: IR version 7 and operator set 13, of ONNX 1.8 (2020). The model is built in host memory; texts are
 * copied, the values of tensors are not. If memory is out, onnx_write() says so. */
#ifndef VGGCL_FILES_ONNX_H
#define VGGCL_FILES_ONNX_H

#include "base/folder.h"

enum { ONNX_IR_VERSION = 7, ONNX_OPERATORS = 13, ONNX_RANK = 4, ONNX_FLOAT = 1 /* the number of the type float32 */ };

struct onnx;

/* The type and shape of a value: [N][shape[0]]...[shape[rank-1]], where N is any number of images. */
struct onnx_type {
    bool bytes; /* uint8; else float32 */
    int rank;
    size_t shape[ONNX_RANK - 1];
};

/* An attribute of an operator; a NULL name ends a list. */
struct onnx_attribute {
    const char *name;
    int count;                /* of whole numbers; 0 for a single number */
    int64_t whole[ONNX_RANK]; /* used if real is 0 */
    double real;              /* a single number, written as float32 */
};

/* VGGCL_EUSAGE, naming path, if this build cannot write ONNX files. */
enum vggcl_err onnx_available(const char *path);

/* An empty model, to be freed with onnx_free(). VGGCL_ENOMEM, and *model is NULL. */
enum vggcl_err onnx_create(struct onnx **model);
void onnx_free(struct onnx *model); /* NULL is allowed */

/* Sets the model's input; once, before the nodes. */
void onnx_input(struct onnx *model, const char *name, const struct onnx_type *type, const char *description);

/* Appends a node. Its inputs are the output of the node before it, or the model's input, then the tensors with these
 * names. Lists are ended by NULL, or NULL for none. Names of nodes and tensors must differ from each other. */
void onnx_node(struct onnx *model, const char *operator_name, const char *name, const char *const *tensors,
               const struct onnx_attribute *attributes);

/* Adds a float32 tensor, row-major. values must stay until onnx_write(). */
void onnx_tensor(struct onnx *model, const char *name, int rank, const size_t shape[], const float *values);

/* Makes the output of the last node the model's output; once, after the nodes. */
void onnx_output(struct onnx *model, const char *name, const struct onnx_type *type);

/* Adds a pair to the model's metadata; UTF-8. */
void onnx_metadata(struct onnx *model, const char *key, const char *value);

/* Writes the model to path in folder atomically: after an error an existing file is unchanged. *size: its bytes.
 * VGGCL_EIO; VGGCL_ENOMEM; VGGCL_EUSAGE if it would be larger than 2 GiB, which is the format's limit. */
enum vggcl_err onnx_write(const struct onnx *model, const struct folder *folder, const char *path, uint64_t *size);

#endif
