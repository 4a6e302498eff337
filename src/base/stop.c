#include "base/stop.h"

static _Thread_local struct {
    bool (*asked)(void *payload);
    void *payload;
} caller;

void stop_ask(bool (*asked)(void *payload), void *payload) {
    caller.asked = asked;
    caller.payload = payload;
}

bool stop_asked(void) {
    return caller.asked && caller.asked(caller.payload);
}

enum vggcl_err stop_check(void) {
    return stop_asked() ? err_set(VGGCL_ESTOPPED, "stopped") : VGGCL_OK;
}
