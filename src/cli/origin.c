#define _POSIX_C_SOURCE 200809L /* gmtime_r */
#include "cli/origin.h"
#include "vggcl.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static char **kept_words;

void origin_keep_words(char **words) {
    kept_words = words;
}

/* What follows "KEY...: " in a file of such lines; "" if there is none. */
static void find_line(const char *path, const char *key, char value[128]) {
    char line[256];
    FILE *file = fopen(path, "r");
    *value = '\0';
    while (file && !*value && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        line[strcspn(line, "\n")] = '\0';
        if (colon && strncmp(line, key, strlen(key)) == 0)
            snprintf(value, 128, "%s", colon + 1 + strspn(colon + 1, " \t"));
    }
    if (file)
        fclose(file);
}

static json_t *text_or_null(const char *text) {
    return json_make_text(*text ? text : NULL);
}

static json_t *host_json(void) {
    struct utsname system = {0};
    char cpu[128];
    uname(&system);
    find_line("/proc/cpuinfo", "model name", cpu);
    return JSON_MAKE({"name", text_or_null(system.nodename)},
                     {"system", json_make_format("%s %s %s", system.sysname, system.release, system.machine)},
                     {"cpu", text_or_null(cpu)}, {"cores", json_integer(sysconf(_SC_NPROCESSORS_ONLN))});
}

static json_t *time_json(void) {
    const time_t now = time(NULL);
    struct tm utc;
    char text[32] = "";
    if (gmtime_r(&now, &utc))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_make_text(text);
}

static json_t *words_json(void) {
    json_t *words = json_array();
    for (char **word = kept_words; word && *word; word++)
        json_add(&words, json_make_text(*word));
    return words;
}

json_t *origin_json(void) {
    return JSON_MAKE(
        {"vggcl", JSON_MAKE({"version", json_make_text(vggcl_version())}, {"commit", text_or_null(origin_commit)})},
        {"host", host_json()}, {"time", time_json()}, {"command", words_json()});
}
