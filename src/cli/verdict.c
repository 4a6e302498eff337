#include "cli/verdict.h"
#include "cli/status.h"

static const struct {
    const char *word;
    int status;
} verdicts[VERDICTS] = {
    [VERDICT_RIGHT] = {"right", EXIT_FINE},        [VERDICT_UNWRITTEN] = {"right", EXIT_UNSAVED},
    [VERDICT_MISSING] = {"missing", EXIT_MISSING}, [VERDICT_FAILED] = {"failed", EXIT_UNDONE},
    [VERDICT_MISUSED] = {"failed", EXIT_USAGE},    [VERDICT_SLOWER] = {"slower", EXIT_SLOWER},
    [VERDICT_HUNG] = {"hung", EXIT_STALLED},       [VERDICT_CRASHED] = {"crashed", EXIT_STALLED},
    [VERDICT_WRONG] = {"wrong", EXIT_FAILED},      [VERDICT_INTERRUPTED] = {"interrupted", EXIT_INTERRUPTED},
};

static int missing = EXIT_MISSING;

const char *verdict_word(enum verdict v) {
    return verdicts[v].word;
}

enum verdict verdict_of(enum vggcl_err err) {
    switch (err) {
    case VGGCL_OK:
        return VERDICT_RIGHT;
    case VGGCL_EUSAGE:
    case VGGCL_EIO:
    case VGGCL_EFORMAT:
        return VERDICT_MISUSED;
    case VGGCL_EDEVICE:
        return VERDICT_MISSING;
    case VGGCL_EWRONG:
    case VGGCL_EOPENCL:
    case VGGCL_ENUMERIC:
        return VERDICT_WRONG;
    case VGGCL_ESTOPPED:
        return VERDICT_INTERRUPTED;
    case VGGCL_ENOMEM:
        break;
    }
    return VERDICT_FAILED;
}

int verdict_status(enum verdict v) {
    return v == VERDICT_MISSING ? missing : verdicts[v].status;
}

void verdict_set_missing(int status) {
    missing = status;
}
