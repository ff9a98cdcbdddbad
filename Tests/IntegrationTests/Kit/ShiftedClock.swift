import Foundation

/// Makes a program believe that it is earlier or later than it is: a library loaded before the system's, built by
/// whatever C compiler there is.
enum ShiftedClock {
    private static let compilers = ["cc", "clang", "gcc"]

    /// The compiler's path; nil when there is none.
    static let compiler: String? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return compilers.lazy.flatMap { name in folders.map { "\($0)/\(name)" } }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <sys/time.h>
        #include <time.h>
        static long shift(void) { const char *text = getenv("SHIFT_SECONDS"); return text ? atol(text) : 0; }
        int gettimeofday(struct timeval *restrict time, void *restrict zone) {
            struct timespec now;
            if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
            time->tv_sec = now.tv_sec;
            time->tv_usec = now.tv_nsec / 1000;
            return 0;
        }
        int clock_gettime(clockid_t clock, struct timespec *time) {
            static int (*real)(clockid_t, struct timespec *);
            if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
            int code = real(clock, time);
            if (code == 0 && clock == CLOCK_REALTIME) time->tv_sec += shift();
            return code;
        }
        time_t time(time_t *place) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (place) *place = now.tv_sec;
            return now.tv_sec;
        }
        """

    /// Words to put before a program.
    static func words(_ scene: Scene, seconds: Int) throws -> [String] {
        guard let compiler else { throw Disappointment("there is no C compiler") }
        let (file, library) = ("\(scene.folder)/clock.c", "\(scene.folder)/clock.so")
        try scene.write(source, to: file)
        let result = try scene.run(compiler, ["-shared", "-fPIC", "-O1", "-o", library, file, "-ldl"])
        guard result.end == .exited(0) else { throw Disappointment("the clock does not build: \(result.errors)") }
        return ["env", "LD_PRELOAD=\(library)", "SHIFT_SECONDS=\(seconds)"]
    }
}
