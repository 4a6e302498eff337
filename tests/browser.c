#define _POSIX_C_SOURCE 200809L /* popen */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "browser.h"
#include "program.h"

#include <stdio.h>
#include <stdlib.h>

void browser_show(const char *page) {
    if (system("command -v chromium >/dev/null") != 0)
        fail_msg("there is no chromium to show the page: ci/packages.sh test installs it");
    char line[512];
    snprintf(line, sizeof line,
             "timeout 120 chromium --headless --no-sandbox --disable-gpu --allow-file-access-from-files "
             "--user-data-dir=%s/browser --dump-dom file://%s/%s 2>/dev/null",
             folder, folder, page);
    FILE *stream = popen(line, "r");
    assert_non_null(stream);
    output[fread(output, 1, sizeof output - 1, stream)] = '\0';
    assert_int_equal(pclose(stream), 0);
}

/* A page with the other one in frames of these widths, which writes what it measures into its body: "1280: fits". */
static const char frames[] =
    "<!doctype html><iframe src='%s' width=1280 height=900></iframe><iframe src='%s' width=420 height=900></iframe>\n"
    "<script>\n"
    "onload = () => {\n"
    "  const all = [...document.querySelectorAll('iframe')].map(frame => {\n"
    "    const root = frame.contentDocument.documentElement, width = root.clientWidth;\n"
    "    const beyond = [...root.querySelectorAll('body *')].filter(\n"
    "      e => !e.closest('.wide *') && e.getBoundingClientRect().right > width + 1);\n"
    "    return frame.width + ': ' + (root.scrollWidth > width ? 'scrolls' : beyond.length ? 'cut off: ' +\n"
    "      beyond[0].outerHTML.slice(0, 100) : root.querySelector('h1') ? 'fits' : 'is empty');\n"
    "  });\n"
    "  document.body.textContent = all.join('; ');\n"
    "};\n"
    "</script>\n";

void browser_fits(const char *page) {
    char path[512];
    snprintf(path, sizeof path, "%s/frames.html", folder);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    fprintf(stream, frames, page, page);
    assert_int_equal(fclose(stream), 0);
    browser_show("frames.html");
    if (!strstr(output, "1280: fits; 420: fits"))
        fail_msg("%s: %s", page, output);
}
