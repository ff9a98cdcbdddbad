import Foundation

/// Makes a program believe that it is earlier or later than it is, by as much as a file says at the moment: a library
/// loaded before the system's, built by whatever C compiler there is.
struct ShiftedClock {
    /// Words to put before a program.
    let words: [String]
    private let file: String

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
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/time.h>
        #include <time.h>
        static long shift(void) {
            static volatile long *seconds;
            if (!seconds) {
                int file = open(getenv("SHIFT_FILE"), O_RDONLY);
                void *memory = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
                if (memory == MAP_FAILED) abort();
                seconds = memory;
            }
            return *seconds;
        }
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

    init(_ scene: Scene, seconds: Int64) throws {
        guard let compiler = Self.compiler else { throw Disappointment("there is no C compiler") }
        let (source, library) = ("\(scene.folder)/clock.c", "\(scene.folder)/clock.so")
        self.file = "\(scene.folder)/clock"
        self.words = ["env", "LD_PRELOAD=\(library)", "SHIFT_FILE=\(self.file)"]
        try scene.write(Self.source, to: source)
        let result = try scene.run(compiler, ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"])
        guard result.end == .exited(0) else { throw Disappointment("the clock does not build: \(result.errors)") }
        _ = FileManager.default.createFile(atPath: self.file, contents: Data(count: 8))
        try self.set(seconds)
    }

    /// From now on it is so many seconds later than it is. The file stays the one that the program has mapped.
    func set(_ seconds: Int64) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: self.file))
        try handle.write(contentsOf: withUnsafeBytes(of: seconds) { Data($0) })
        try handle.close()
    }
}
