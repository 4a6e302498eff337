#include "cli/counted.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/terminal.h"

struct counted counted_begin(const char *things, const char *past) {
    double now = clock_seconds();
    return (struct counted){things, past, now, now};
}

void counted_show(struct counted *c, size_t done, size_t count) {
    double now = clock_seconds(), interval = terminal_size(stdout).columns > 0 ? 0.1 : 60;
    char left[32];
    if (done < count && now - c->shown < interval)
        return;
    c->shown = now;
    cli_duration(done ? (now - c->begun) / (double)done * (double)(count - done) : 0, left);
    struct line line = line_begin(stdout);
    line_add(&line, "%s %zu/%zu %s", c->things, done, count, c->past);
    line_bar(&line, (double)done / (double)count);
    line_add(&line, "  ETA %s", left);
    line_show(&line);
    if (done == count)
        line_erase(stdout);
}
