#define _POSIX_C_SOURCE 200809L /* isatty, fileno */
#include "cli/cli.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool as_json, force;
static const char *dir, *from, *timeout;

/* Where a download is told of: a live line on a terminal, plain lines elsewhere, none of those with --json. */
struct face {
    FILE *stream;
    bool live;
    double last_shown; /* seconds of a clock */
};

static const double live_interval = 0.1, plain_interval = 10; /* seconds between two lines */

static void progressed(void *user, const struct vggcl_fetch_progress *p) {
    struct face *face = user;
    char bar[CLI_BAR], eta[32];
    if (clock_seconds() - face->last_shown < (face->live ? live_interval : plain_interval) || (as_json && !face->live))
        return;
    face->last_shown = clock_seconds();
    fprintf(face->stream, "%s%-8s ", face->live ? CLI_ERASE_LINE : "", p->unpacking ? "unpack" : "download");
    if (face->live && p->total) {
        cli_bar((double)p->bytes / (double)p->total, bar);
        fprintf(face->stream, "[%s] ", bar);
    }
    fprintf(face->stream, "%.1f", cli_mebibytes(p->bytes));
    if (p->total)
        fprintf(face->stream, " of %.1f", cli_mebibytes(p->total));
    fprintf(face->stream, " MiB  %.1f MiB/s", p->bytes_per_second / (1 << 20));
    if (p->total) {
        cli_duration(p->eta, eta);
        fprintf(face->stream, "  ETA %s", eta);
    }
    fputs(face->live ? "" : "\n", face->stream);
    fflush(face->stream);
}

static void noticed(void *user, const char *text) {
    const struct face *face = user;
    fprintf(face->stream, "%snote     %s\n", face->live ? CLI_ERASE_LINE : "", text);
    fflush(face->stream);
}

static void print_json(const struct vggcl_fetched *f) {
    static const char *const ends[] = {"fetched", "present", "stopped"};
    json_t *all =
        json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:f}", "end", ends[f->end], "folder", cli_text_json(f->folder),
                  "from", cli_text_json(from ? from : VGGCL_CIFAR10_URL), "moved_to",
                  *f->moved_to ? cli_text_json(f->moved_to) : json_null(), "resumed_bytes", (json_int_t)f->resumed,
                  "downloaded_bytes", (json_int_t)f->downloaded, "seconds", f->seconds);
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(all);
}

static void print_text(const struct vggcl_fetched *f) {
    char seconds[32];
    cli_duration(f->seconds, seconds);
    if (f->end == VGGCL_FETCH_PRESENT) {
        printf("there    %s is CIFAR-10 already, every file as it should be\n", f->folder);
        return;
    }
    if (f->downloaded + f->resumed)
        printf("archive  %.1f MiB downloaded, %.1f MiB were there\n", cli_mebibytes(f->downloaded),
               cli_mebibytes(f->resumed));
    if (*f->moved_to)
        printf("moved    what was in its place is now in %s\n", f->moved_to);
    if (f->end == VGGCL_FETCH_STOPPED)
        printf("stopped  after %s; the same command goes on from what is downloaded\n", seconds);
    else
        printf("done     %s, every file with its MD5 sum, in %s; now: vggcl train%s%s\n", f->folder, seconds,
               dir ? " --data " : "", dir ? f->folder : "");
}

static int run(const struct vggcl_config *config) {
    (void)config;
    long seconds = 20;
    if (timeout && !cli_parse_count(timeout, 1, 86400, &seconds))
        return cli_misused("--timeout takes seconds, from 1 to 86400, not '%s'", timeout);
    struct vggcl_fetched fetched;
    struct vggcl_fetch fetch = {.dir = dir, .from = from, .timeout = (double)seconds, .force = force};
    struct face face = {.stream = as_json ? stderr : stdout};
    struct vggcl_fetch_observer observer = {&face, progressed, noticed, cli_interrupted};
    face.live = isatty(fileno(face.stream));
    face.last_shown = clock_seconds();
    cli_catch_signals();
    if (!as_json)
        printf("source   %s\n", from ? from : VGGCL_CIFAR10_URL);
    fflush(stdout);
    enum vggcl_err err = vggcl_fetch(&fetch, &observer, &fetched);
    if (face.live)
        fputs(CLI_ERASE_LINE, face.stream);
    if (err != VGGCL_OK)
        return cli_failed(err);
    (as_json ? print_json : print_text)(&fetched);
    return fetched.end == VGGCL_FETCH_STOPPED ? EXIT_INTERRUPTED : EXIT_FINE;
}

const struct command command_fetch = {
    .name = "fetch",
    .summary = "downloads CIFAR-10",
    .description =
        "Downloads CIFAR-10's binary version, 162 MiB, from " VGGCL_CIFAR10_URL ",\n"
        "checks it by its MD5 sum, unpacks it and checks each file by its own; only then it is put into place, as\n"
        "data/cifar-10-batches-bin, where vggcl looks for it. What is there already and right is left alone.\n\n"
        "A download that breaks off, stalls or is stopped by Ctrl-C is kept beside, as cifar-10-binary.tar.gz.part:\n"
        "the same command goes on from there. Proxies are taken from https_proxy, http_proxy and no_proxy;\n"
        "certificates are always checked.\n\n"
        "--from takes the archive from elsewhere: a file, or another server. It may be packed otherwise than the\n"
        "official one, as tar with or without gzip, so its own MD5 sum does not count, but each file's does.\n\n"
        "  vggcl fetch\n"
        "  vggcl fetch --dir /data                    into /data/cifar-10-batches-bin\n"
        "  vggcl fetch --from cifar-10-binary.tar.gz  a copy that is at hand\n"
        "  vggcl fetch --from https://mirror.example/cifar-10-binary.tar.gz\n\n"
        "Exit status: 0 there, 1 failed, 2 wrong flags, 130 interrupted.\n",
    .flags =
        (const struct flag[]){
            {"dir", "DIR", "the folder cifar-10-batches-bin is put into (default data)", &dir, NULL},
            {"from", "FILE|URL", "the archive (default: the official one)", &from, NULL},
            {"timeout", "SECONDS", "ends a download of which so long nothing comes (default 20)", &timeout, NULL},
            {"force", NULL, "where there is a cifar-10-batches-bin that is not CIFAR-10: move it aside", NULL, &force},
            {"json", NULL, "for scripts: one object", NULL, &as_json},
            {0}},
    .run = run,
};
