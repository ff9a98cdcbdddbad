// The client of those rows of LoadTests/bench for which there is none in a package: it asks at times that were fixed
// beforehand, however slowly answers come (an open loop), and tells every answer's time from then; or it plays visitors
// with cookies of their own, each visit over a connection of its own.
//
// cc -O2 -o client client.c client-visits.c client-cookies.c -lssl -lcrypto -lm
// ./client address=127.0.0.1:PORT path=/ [NAME=VALUE ...]
//   tls=1            over TLS 1.3; the certificate is not checked
//   resume=1         shows at a handshake what the last one of that visitor, or place, was given
//   field="A: b"     one more line in each head; may stand there several times
//   connections=16   how many are open at once, at most
//   requests=1       how many go over one connection, the first when it was scheduled, the others one after the other;
//                    0: connections are kept
//   rate=0           visits a second, at random times (exponential gaps); 0: one as soon as another is over
//   seconds=0        how long visits begin; 0: until `count` have begun
//   count=0          how many visits
//   visitors=0       visit N is that of visitor N modulo this, with that visitor's cookies
//   jar=FILE         where the cookies come from and go to, a visitor a line
//   state=WORD       what Sluice-State must say; any answer but 2xx is wrong besides
//   patience=10      seconds after which a visitor gives up, counted from when the visit was scheduled
//   samples=FILE     a line for each request: when it was scheduled, when it was over (both in seconds from the start),
//                    the status, and g (good), w (wrong), b (broken off) or l (late: given up)
// Prints one object of JSON.
#include "client.h"
#include <arpa/inet.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

struct plan plan = {.path = "/", .connections = 16, .requests = 1, .patience = 10};
static double started;
// When visits were scheduled that have no connection yet.
static double *waiting;
static size_t first_waiting, waiting_count, waiting_room;
static double worst_lag;

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9 - started;
}

void fail(const char *what) {
    fprintf(stderr, "client: %s\n", what);
    exit(2);
}

void *or_fail(void *memory) {
    if (memory == NULL) fail("there is not enough memory");
    return memory;
}

// MARK: The plan

static void schedule(double time) {
    if (waiting_count == waiting_room) {
        size_t room = waiting_room == 0 ? 4096 : 2 * waiting_room;
        double *more = or_fail(malloc(room * sizeof *more));
        for (size_t index = 0; index < waiting_count; index++) {
            more[index] = waiting[(first_waiting + index) % waiting_room];
        }
        free(waiting);
        waiting = more;
        waiting_room = room;
        first_waiting = 0;
    }
    waiting[(first_waiting + waiting_count++) % waiting_room] = time;
}

static double next_waiting(void) {
    double time = waiting[first_waiting];
    first_waiting = (first_waiting + 1) % waiting_room;
    waiting_count--;
    return time;
}

// Who has waited for too long goes.
static void review(double time) {
    for (long index = 0; index < plan.connections; index++) {
        struct connection *c = &connections[index];
        if (c->phase != CLOSED && c->phase != RESTING && time - c->scheduled > plan.patience) give_up(c, 'l');
    }
    while (waiting_count > 0 && time - waiting[first_waiting] > plan.patience) {
        struct connection nobody = {.scheduled = next_waiting()};
        record(&nobody, 'l', 0);
    }
}

static void sleep_until(double time) {
    double rest = time - now();
    if (rest < 0) rest = 0;
    struct timespec left = {(time_t)rest, (long)((rest - floor(rest)) * 1e9)};
    struct pollfd events = {.fd = set, .events = POLLIN};
    ppoll(&events, 1, &left, NULL);
}

static void play(void) {
    double next = 0, next_review = 0;
    struct epoll_event events[EVENTS];
    while (true) {
        double time = now();
        bool mayBegin = (plan.count == 0 || begun + (long)waiting_count < plan.count)
            && (plan.seconds == 0 || (plan.rate > 0 ? next : time) < plan.seconds);
        while (mayBegin && plan.rate > 0 && next <= time) {
            if (time - next > worst_lag) worst_lag = time - next;
            schedule(next);
            next -= log(1 - drand48()) / plan.rate;
            mayBegin = (plan.count == 0 || begun + (long)waiting_count < plan.count)
                && (plan.seconds == 0 || next < plan.seconds);
        }
        while (unused_count > 0 && waiting_count > 0) begin_visit(next_waiting());
        if (plan.rate == 0) {
            // A connection that is refused at once comes back at once.
            for (long turn = 0; turn < plan.connections && unused_count > 0; turn++) {
                if (!mayBegin || (plan.count > 0 && begun >= plan.count)) break;
                begin_visit(time);
            }
        }
        if (!mayBegin && active == 0 && waiting_count == 0) return;
        if (time >= next_review) {
            review(time);
            next_review = time + 0.05;
        }
        sleep_until(mayBegin && plan.rate > 0 && next < next_review ? next : next_review);
        int count = epoll_wait(set, events, EVENTS, 0);
        for (int index = 0; index < count; index++) {
            struct connection *c = &connections[events[index].data.u64 & 0xFFFFFFFF];
            if (c->generation == events[index].data.u64 >> 32) advance(c, events[index].events);
        }
    }
}

static void read_plan(int count, char **words) {
    for (int index = 1; index < count; index++) {
        char *value = strchr(words[index], '=');
        if (value == NULL) fail("say NAME=VALUE");
        *value++ = 0;
        const char *name = words[index];
        if (strcmp(name, "address") == 0) {
            char *colon = strrchr(value, ':');
            if (colon == NULL) fail("say address=IPv4:PORT");
            snprintf(plan.host, sizeof plan.host, "%s", value);
            *colon = 0;
            plan.address.sin_family = AF_INET;
            plan.address.sin_port = htons((uint16_t)atoi(colon + 1));
            if (inet_pton(AF_INET, value, &plan.address.sin_addr) != 1) fail("say address=IPv4:PORT");
        } else if (strcmp(name, "field") == 0) {
            size_t used = strlen(plan.fields);
            snprintf(plan.fields + used, FIELDS_BYTES - used, "%s\r\n", value);
        } else if (strcmp(name, "path") == 0) plan.path = value;
        else if (strcmp(name, "jar") == 0) plan.jar = value;
        else if (strcmp(name, "state") == 0) plan.state = value;
        else if (strcmp(name, "samples") == 0) plan.samples = value;
        else if (strcmp(name, "tls") == 0) plan.is_secure = atoi(value) != 0;
        else if (strcmp(name, "resume") == 0) plan.resumes = atoi(value) != 0;
        else if (strcmp(name, "connections") == 0) plan.connections = atol(value);
        else if (strcmp(name, "requests") == 0) plan.requests = atol(value);
        else if (strcmp(name, "count") == 0) plan.count = atol(value);
        else if (strcmp(name, "visitors") == 0) plan.visitors = atol(value);
        else if (strcmp(name, "rate") == 0) plan.rate = atof(value);
        else if (strcmp(name, "seconds") == 0) plan.seconds = atof(value);
        else if (strcmp(name, "patience") == 0) plan.patience = atof(value);
        else fail("there is a word that is not known");
    }
    if (plan.address.sin_family == 0) fail("say address=IPv4:PORT");
    if (plan.connections < 1) fail("connections are at least 1");
    if (plan.count == 0 && plan.seconds == 0) fail("say count or seconds");
}

static void set_up(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    // Without it the kernel wakes whoever sleeps up to 50 us late, to save power.
    prctl(PR_SET_TIMERSLACK, 1);
    srand48(1);
    if (plan.visitors > 0) read_jar();
    set_up_connections();
}

static void write_samples(void) {
    if (plan.samples == NULL) return;
    FILE *file = fopen(plan.samples, "w");
    if (file == NULL) fail("the file for samples cannot be written");
    for (size_t index = 0; index < sample_count; index++) {
        struct sample *one = &samples[index];
        fprintf(file, "%.6f %.6f %d %c\n", one->scheduled, one->over, one->status, one->outcome);
    }
    fclose(file);
}

int main(int count, char **words) {
    read_plan(count, words);
    set_up();
    started = now();
    double at = started;
    play();
    double seconds = now();
    write_samples();
    write_jar();
    printf("{\"started\": %.6f, \"seconds\": %.6f, \"visits\": %ld, \"good\": %ld, \"wrong\": %ld, \"broken\": %ld, "
           "\"late\": %ld, \"handshakes\": %ld, \"resumed\": %ld, \"worst_lag\": %.6f}\n",
           at, seconds, begun, totals['g'], totals['w'], totals['b'], totals['l'], handshakes, resumed, worst_lag);
    return 0;
}
