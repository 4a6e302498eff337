#include "cli/json.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/messages.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static bool as_json, force;
static const char *name, *dir, *from[FLAG_MOST + 1], *timeout;

/* How progress is printed: a live line on a terminal, plain lines elsewhere; with --json no plain lines. */
struct face {
    FILE *stream;
    bool live;
    double last_shown; /* clock_seconds() */
};

static const double live_interval = 0.1, plain_interval = 10; /* seconds between updates */

static void progressed(const struct vggcl_fetch_progress *p, void *payload) {
    struct face *face = payload;
    char eta[32], total[32] = "";
    if (clock_seconds() - face->last_shown < (face->live ? live_interval : plain_interval) || (as_json && !face->live))
        return;
    face->last_shown = clock_seconds();
    struct line line = line_begin(face->stream);
    line_add(&line, "%-8s", p->unpacking ? "unpack" : "download");
    if (p->total) {
        line_bar(&line, (double)p->bytes / (double)p->total);
        snprintf(total, sizeof total, " of %.1f", cli_mebibytes(p->total));
    }
    line_add(&line, " %.1f%s MiB", cli_mebibytes(p->bytes), total);
    line_add(&line, "  %.1f MiB/s", p->bytes_per_second / (1 << 20));
    if (p->total) {
        cli_duration(p->eta, eta);
        line_add(&line, "  ETA %s", eta);
    }
    line_add(&line, "  %s", p->file);
    line_show(&line);
}

static void noticed(const char *text, void *payload) {
    const struct face *face = payload;
    line_erase(face->stream);
    fprintf(face->stream, "note     %s\n", text);
    fflush(face->stream);
}

static void print_json(const struct vggcl_fetched *f) {
    static const char *const ends[] = {"fetched", "present", "stopped"};
    cli_print_json(JSON_MAKE({"end", json_make_text(ends[f->end])}, {"name", json_make_text(f->set->name)},
                             {"folder", json_make_text(f->folder)}, {"from", json_make_text(*f->from ? f->from : NULL)},
                             {"moved_to", json_make_text(*f->moved_to ? f->moved_to : NULL)},
                             {"resumed_bytes", json_integer((json_int_t)f->resumed)},
                             {"downloaded_bytes", json_integer((json_int_t)f->downloaded)},
                             {"seconds", json_make_number(f->seconds)}),
                   CLI_JSON);
}

static void print_text(const struct vggcl_fetched *f) {
    char seconds[32];
    cli_duration(f->seconds, seconds);
    if (f->end == VGGCL_FETCH_PRESENT) {
        printf("there    %s is %s already, every file as it should be\n", f->folder, f->set->title);
        return;
    }
    if (f->downloaded + f->resumed)
        printf("data     %.1f MiB downloaded, %.1f MiB were there\n", cli_mebibytes(f->downloaded),
               cli_mebibytes(f->resumed));
    if (*f->moved_to)
        printf("moved    what was in its place is now in %s\n", f->moved_to);
    if (f->end == VGGCL_FETCH_STOPPED)
        printf("stopped  after %s; the same command goes on from what is downloaded\n", seconds);
    else
        printf("done     %s, every file with its checksum, in %s; now: vggcl train --recipe quick --data %s\n",
               f->folder, seconds, f->folder);
}

/* Where the data set is looked for; nothing if there is no such set, which vggcl_fetch() says. */
static void print_sources(void) {
    const struct vggcl_fetch_set *set = vggcl_fetch_set(0);
    for (size_t i = 1; name && set && strcmp(set->name, name) != 0; i++)
        set = vggcl_fetch_set(i);
    for (const char *const *source = *from ? from : set ? set->mirrors : from; *source; source++)
        printf("source   %s\n", *source);
}

static int run(const struct vggcl_config *config) {
    (void)config;
    long seconds = 20;
    if (timeout && !cli_parse_count(timeout, 1, 86400, &seconds))
        return cli_misused("--timeout takes seconds, from 1 to 86400, not '%s'", timeout);
    struct vggcl_fetched fetched;
    struct vggcl_fetch fetch = {
        .name = name, .dir = dir, .from = *from ? from : NULL, .timeout = (double)seconds, .force = force};
    struct face face = {.stream = as_json ? messages() : stdout};
    struct vggcl_fetch_observer observer = {progressed, noticed, signals_stop, &face};
    face.live = terminal_size(face.stream).columns > 0;
    face.last_shown = clock_seconds();
    signals_promise("stopping; what is downloaded is kept");
    signals_keep("what is downloaded is kept");
    signals_catch(false);
    if (!as_json)
        print_sources();
    fflush(stdout);
    enum vggcl_err err = vggcl_fetch(&fetch, &observer, &fetched);
    line_erase(face.stream);
    if (err != VGGCL_OK)
        return cli_failed(err);
    (as_json ? print_json : print_text)(&fetched);
    return fetched.end == VGGCL_FETCH_STOPPED ? EXIT_INTERRUPTED : EXIT_FINE;
}

static const char *set_name(size_t i) {
    const struct vggcl_fetch_set *set = vggcl_fetch_set(i);
    return set ? set->name : NULL;
}

const struct command command_fetch = {
    .name = "fetch",
    .summary = "downloads CIFAR-10, CIFAR-100, MNIST or Fashion-MNIST",
    .description =
        "Downloads a data set: cifar10 (the default), cifar100, mnist or fashion-mnist. Every file of images is "
        "compared with\n"
        "its published checksum, MD5 or SHA-256; only then the data set is put into place, as the folder\n"
        "cifar-10-batches-bin, cifar-100-binary, mnist or fashion-mnist in data. What is there already and right is\n"
        "left alone. Without --data, train looks for CIFAR-10 there.\n\n"
        "A download that breaks off, stalls or is stopped by Ctrl-C is kept beside, with .part at the end of its\n"
        "name: the same command goes on from there. Where a data set has several mirrors, they are tried in order.\n"
        "Proxies are taken from https_proxy, http_proxy and no_proxy; certificates are always checked.\n\n"
        "--from takes the data set from elsewhere; it may be given several times, and then each is tried. For\n"
        "CIFAR-10 and CIFAR-100 it is the archive, a file or a URL. It may be packed otherwise than the official\n"
        "one, as tar with or without gzip, so its own sum does not count, but each file's does. For the other sets\n"
        "it is a folder, or the URL of one, that has the four .gz files.\n\n"
        "  vggcl fetch                                162 MiB\n"
        "  vggcl fetch fashion-mnist                  29 MiB\n"
        "  vggcl fetch --dir /data                    into /data/cifar-10-batches-bin\n"
        "  vggcl fetch --from cifar-10-binary.tar.gz  a copy that is at hand\n"
        "  vggcl fetch cifar100 --from https://mirror.example/cifar-100-binary.tar.gz\n"
        "  vggcl fetch mnist --from folder --from https://mirror.example/mnist/\n\n"
        "Exit status: 0 there, 1 failed, 2 wrong flags, 130 stopped by a signal.\n",
    .flags =
        (const struct flag[]){
            {"dir", "DIR", "the folder that the data set's folder is put into (default data)", &dir, NULL},
            {"from", "PLACE...", "another source, a path or a URL (default: the mirrors)", from, NULL},
            {"timeout", "SECONDS", "ends a download of which so long nothing comes (default 20)", &timeout, NULL},
            {"force", NULL, "where the folder is there and holds something else: move it aside", NULL, &force},
            {"json", NULL, "for scripts: one object", NULL, &as_json},
            {0}},
    .words = &(const struct flag){"", "[NAME]", NULL, &name, NULL},
    .choices = (const struct flag_words[]){{"", set_name}, {0}},
    .run = run,
};
