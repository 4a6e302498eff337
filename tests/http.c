#define _GNU_SOURCE
#include "http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int http_requests;
int64_t http_range;

static int listener, port;
static const char *served;
static pthread_t thread;

static void require(bool good, const char *what) {
    if (good)
        return;
    perror(what);
    abort();
}

static void say(int client, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    send(client, text, (size_t)length, MSG_NOSIGNAL);
}

/* Bytes of the file; the client may leave in between. */
static void send_file(int client, int file, int64_t from, int64_t to) {
    static char block[1 << 18];
    while (from < to) {
        size_t most = to - from < (int64_t)sizeof block ? (size_t)(to - from) : sizeof block;
        ssize_t count = pread(file, block, most, from);
        if (count <= 0)
            return;
        for (ssize_t sent = 0, once; sent < count; sent += once)
            if ((once = send(client, block + sent, (size_t)(count - sent), MSG_NOSIGNAL)) <= 0)
                return;
        from += count;
    }
}

static void wait_for_end(int client) {
    char byte;
    while (recv(client, &byte, 1, 0) > 0)
        ;
}

static void say_missing(int client) {
    say(client, "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry");
}

/* Opens what is served, or the file `name` in it; below 0 if a folder has no such file. */
static int open_served(const char *name, struct stat *status) {
    int folder = open(served, O_RDONLY);
    require(folder >= 0 && fstat(folder, status) == 0, served);
    if (!S_ISDIR(status->st_mode))
        return folder;
    int file = openat(folder, name, O_RDONLY);
    close(folder);
    require(file < 0 || fstat(file, status) == 0, name);
    return file;
}

/* The ways that end with the file, or part of it. */
static void answer_file(int client, const char *how, const char *name, int64_t range) {
    struct stat status;
    int file = open_served(name, &status);
    if (file < 0) {
        say_missing(client);
        return;
    }
    int64_t size = status.st_size, from = range > 0 && strcmp(how, "whole") ? range : 0, to = size;
    bool partial = from > 0;
    if (!strcmp(how, "shifted"))
        from = 0;
    int64_t half = from + (to - from) / 2, told = !strcmp(how, "less") ? half : to;
    if (from >= size) {
        say(client, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 5\r\nConnection: close\r\n");
        if (strcmp(how, "bare416") != 0)
            say(client, "Content-Range: bytes */%lld\r\n", (long long)size);
        say(client, "\r\nsorry");
    } else {
        say(client, "HTTP/1.1 %s\r\nConnection: close\r\n", partial ? "206 Partial Content" : "200 OK");
        if (partial)
            say(client, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)from, (long long)to - 1, (long long)size);
        if (!strcmp(how, "huge"))
            say(client, "Content-Length: %lld\r\n", 1LL << 40);
        else if (strcmp(how, "unsized") != 0)
            say(client, "Content-Length: %lld\r\n", (long long)(told - from));
        say(client, "\r\n");
        send_file(client, file, from, !strcmp(how, "cut") || !strcmp(how, "stall") ? half : to);
        if (!strcmp(how, "stall"))
            wait_for_end(client);
    }
    close(file);
}

static void redirect(int client, const char *target) {
    say(client, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthere", target);
}

static void answer(int client) {
    char request[4096], how[16] = "", name[64] = "";
    size_t length = 0;
    ssize_t count;
    while (length < sizeof request - 1 &&
           (count = recv(client, request + length, sizeof request - 1 - length, 0)) > 0) {
        request[length += (size_t)count] = '\0';
        if (*request != 'G' || strstr(request, "\r\n\r\n")) /* no GET: somebody wants TLS */
            break;
    }
    if (length == 0 || sscanf(request, "GET /%15[^/]/%63[^/ ]", how, name) < 1)
        return;
    const char *range = strcasestr(request, "\r\nRange: bytes=");
    http_requests++;
    http_range = range ? atoll(range + strlen("\r\nRange: bytes=")) : -1;
    if (!strcmp(how, "missing"))
        say_missing(client);
    else if (!strcmp(how, "redirect"))
        redirect(client, http_url("right"));
    else if (!strcmp(how, "outside"))
        redirect(client, "file:///etc/passwd");
    else if (!strcmp(how, "circle"))
        redirect(client, http_url("circle"));
    else if (!strcmp(how, "silent"))
        wait_for_end(client);
    else
        answer_file(client, how, name, http_range);
}

static void *serve(void *unused) {
    int client;
    while ((client = accept(listener, NULL, NULL)) >= 0) {
        answer(client);
        shutdown(client, SHUT_WR);
        wait_for_end(client); /* so that no reset overtakes what was sent */
        close(client);
    }
    return unused;
}

void http_start(const char *path) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    served = path;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(listener >= 0 && bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 8) == 0 &&
                getsockname(listener, (struct sockaddr *)&address, &size) == 0,
            "a server on 127.0.0.1");
    port = ntohs(address.sin_port);
    setenv("no_proxy", "127.0.0.1", 1);
    require(pthread_create(&thread, NULL, serve, NULL) == 0, "a thread");
    http_forget();
}

void http_serve(const char *path) {
    served = path;
}

void http_stop(void) {
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
}

static const char *make_url(const char *how, const char *name) {
    static _Thread_local char urls[4][96];
    static _Thread_local int next;
    char *url = urls[next++ % 4];
    snprintf(url, sizeof urls[0], "http://127.0.0.1:%d/%s/%s", port, how, name);
    return url;
}

const char *http_url(const char *how) {
    return make_url(how, "cifar-10-binary.tar.gz");
}

const char *http_folder(const char *how) {
    return make_url(how, "");
}

void http_forget(void) {
    http_requests = 0;
    http_range = -1;
}
