// What the parts of the client share: what it was told, its connections, and what it counts.
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 8192, FIELDS_BYTES = 4096, COOKIES = 4, EVENTS = 256 };

// What the client was told: see client.c.
struct plan {
    struct sockaddr_in address;
    char host[64];
    const char *path, *jar, *state, *samples;
    char fields[FIELDS_BYTES];
    bool is_secure, resumes;
    long connections, requests, count, visitors;
    double rate, seconds, patience;
};

enum phase { CLOSED, CONNECTING, SHAKING, SENDING, READING, RESTING };

struct connection {
    int fd;
    uint32_t generation;
    enum phase phase;
    SSL *ssl;
    long visitor, requests_left;
    double scheduled;
    char *request;
    size_t request_bytes, sent;
    // Of the answer.
    char head[HEAD_BYTES];
    size_t head_bytes;
    bool has_head, is_chunked, ends, is_right;
    long body_left;
    char tail[5];
    int status;
};

struct sample {
    double scheduled, over;
    int status;
    char outcome;
};

// client.c
extern struct plan plan;
// Seconds since the client began.
double now(void);
void fail(const char *what) __attribute__((noreturn));
void *or_fail(void *memory);

// client-cookies.c
void read_jar(void);
void write_jar(void);
// A visitor's cookie as Set-Cookie has it, without its attributes.
void keep_cookie(long visitor, const char *pair, size_t bytes, bool is_cleared);
// As Cookie wants them; returns how many bytes.
size_t write_cookies(long visitor, char *text, size_t room);

// client-visits.c
extern struct connection *connections;
extern int set;
// Visits that have begun, those that are not over, connections that nobody uses, answers by outcome, and handshakes.
extern long begun, active, unused_count, totals[128], handshakes, resumed;
extern struct sample *samples;
extern size_t sample_count;
void set_up_connections(void);
void begin_visit(double scheduled);
// Does all that can be done now, after these events of epoll.
void advance(struct connection *c, uint32_t events);
void give_up(struct connection *c, char outcome);
void record(struct connection *c, char outcome, int status);
