import Foundation
import Glibc
import Primitives

/// What this machine is and what this process may take of it.
enum Machine {
    /// By which a run is stopped: Ctrl-C, an order to end, a terminal that is gone.
    static let endSignals = [SIGINT, SIGTERM, SIGHUP]

    /// Whoever starts a program may send it the same signal as its group: so soon, a second one is the first.
    static let signalEchoNanoseconds = Nanoseconds.perSecond

    /// Raises the limit of open descriptors as far as it goes; returns what then holds.
    static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            _ = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Loops that play a crowd beside the site that it is sent to, on the same machine: a quarter of the processors. A
    /// request costs the site three to four times what it costs the tool, and a tool that takes more than its part makes
    /// the site look slower than it is.
    static var threadsBesideTheSite: Int { max(1, ProcessInfo.processInfo.activeProcessorCount / 4) }
    /// The most that make sense: by then other things than processors are short.
    static let mostThreads = 64

    /// Processor time that this process has used, all threads together.
    static func processorNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    static var facts: [RunReport.Fact] {
        let information = ProcessInfo.processInfo
        let memory = Double(information.physicalMemory) / Double(1 << 30)
        var facts = [
            ("processors", Format.count(information.activeProcessorCount)),
            ("memory", "\(Format.significant(memory)) GiB"),
        ]
        var names = utsname()
        if uname(&names) == 0 {
            facts.append(
                ("kernel", "\(Self.text(names.sysname)) \(Self.text(names.release)) \(Self.text(names.machine))")
            )
        }
        var loads = [Double](repeating: 0, count: 1)
        if getloadavg(&loads, 1) == 1 { facts.append(("load before the run", Format.significant(loads[0]))) }
        return facts.map { RunReport.Fact(name: $0.0, value: $0.1) }
    }

    /// The C text in one of `utsname`'s fields.
    private static func text<Field>(_ field: Field) -> String {
        withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// A fresh folder that nobody else can enter, short enough in name to hold a unix socket.
    static func makeTemporaryFolder() throws(PlayProblem) -> String {
        let given = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        let root = given.hasPrefix("/") && given.utf8.count <= 60 ? given : "/tmp"
        var template = Array("\(root)/onsale-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw PlayProblem("no folder could be made in \(root): \(String(cString: strerror(errno))); set TMPDIR")
        }
        return String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
