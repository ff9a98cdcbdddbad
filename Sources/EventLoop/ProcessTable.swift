import CLinux
import Glibc
import Primitives

/// The kernel's table of processes, as `/proc` shows it.
public enum ProcessTable {
    /// Where this process's numbers of processes mean something: host, boot and namespace.
    public static let place: String = {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.filter { byte in
            ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
        }
        let boot = Self.text("/proc/sys/kernel/random/boot_id").filter { $0.isHexDigit }
        var link = [CChar](repeating: 0, count: 64)
        // Such as `pid:[4026531836]`.
        let count = max(0, readlink("/proc/self/ns/pid", &link, link.count - 1))
        let namespace = link.prefix(count).map { UInt8(bitPattern: $0) }.filter { ASCII.isDigit($0) }
        return String(decoding: host.prefix(64), as: UTF8.self) + "/" + boot.prefix(32) + "."
            + String(decoding: namespace, as: UTF8.self)
    }()

    /// Nil when there is no such process, or nothing of it is left but its status.
    public static func identity(of pid: Int32) -> ProcessIdentity? {
        guard case .runs(let identity) = Self.look(at: pid) else { return nil }
        return identity
    }

    /// Of a child that has not been reaped: its start is nought when only its status is left. Nil when it cannot be seen.
    static func identityOfChild(_ pid: Int32) -> ProcessIdentity? {
        switch Self.look(at: pid) {
        case .runs(let identity): identity
        case .ended: ProcessIdentity(place: Self.place, pid: pid, startTicks: 0)
        case .unseen: nil
        }
    }

    private enum Sight: Equatable {
        case runs(ProcessIdentity)
        case ended
        /// Of another user and hidden, or this process may open no more files.
        case unseen
    }

    private static func look(at pid: Int32, under folder: String = "/proc") -> Sight {
        guard let status = ProcessIdentity.status(Self.text("\(folder)/\(pid)/stat")) else {
            return kill(pid, 0) == -1 && errno == ESRCH ? .ended : .unseen
        }
        guard !status.isZombie else { return .ended }
        return .runs(ProcessIdentity(place: Self.place, pid: pid, startTicks: status.startTicks))
    }

    /// This very process.
    public static let own: ProcessIdentity =
        Self.identity(of: getpid()) ?? ProcessIdentity(place: Self.place, pid: getpid(), startTicks: 0)

    /// Whether this process runs; nil when that cannot be seen from here.
    public static func isRunning(_ identity: ProcessIdentity) -> Bool? { Self.isRunning(identity, under: "/proc") }

    static func isRunning(_ identity: ProcessIdentity, under folder: String) -> Bool? {
        switch identity.whereabouts(seenFrom: Self.place) {
        case .here:
            switch Self.look(at: identity.pid, under: folder) {
            case .runs(let found): found == identity
            case .ended: false
            case .unseen: nil
            }
        case .gone: false
        case .elsewhere: nil
        }
    }

    /// Whether it is seen that this process runs no more. A host of the same name may be another one: only what runs in the
    /// same place counts.
    public static func hasEnded(_ identity: ProcessIdentity) -> Bool {
        identity.place == self.place && self.isRunning(identity) == false
    }

    /// Processes that lead a session of their own and were started with the variable `name`, and its value. Looks at
    /// every process of this user: for rare occasions.
    public static func sessionLeaders(withVariable name: String) -> [(identity: ProcessIdentity, value: String)] {
        self.pids.compactMap { pid in
            guard let status = ProcessIdentity.status(Self.text("/proc/\(pid)/stat")), !status.isZombie,
                status.session == pid, let value = Self.variable(name, of: pid)
            else { return nil }
            return (ProcessIdentity(place: Self.place, pid: pid, startTicks: status.startTicks), value)
        }
    }

    /// Processes of a group that still run: not those that have ended and wait for their parent to hear of it.
    public static func members(ofGroup group: Int32) -> [Int32] {
        self.pids.filter { pid in
            guard let status = ProcessIdentity.status(Self.text("/proc/\(pid)/stat")) else { return false }
            return status.group == group && !status.isZombie
        }
    }

    /// Those that carry `mark` and did not start before `identity`: what it has started, in sessions of their own, too.
    /// Looks at every process of this user: for rare occasions.
    static func carriers(of mark: ProcessMark, since identity: ProcessIdentity) -> [ProcessIdentity] {
        self.pids.compactMap { pid in
            guard let status = ProcessIdentity.status(Self.text("/proc/\(pid)/stat")), !status.isZombie,
                status.startTicks >= identity.startTicks, Self.carries(mark, pid)
            else { return nil }
            return ProcessIdentity(place: Self.place, pid: pid, startTicks: status.startTicks)
        }
    }

    /// Ends what is left of a process that has ended itself.
    public static func endRest(of identity: ProcessIdentity, mark: ProcessMark) {
        for left in Self.carriers(of: mark, since: identity) { kill(left.pid, SIGKILL) }
    }

    private static func carries(_ mark: ProcessMark, _ pid: Int32) -> Bool {
        Self.variable(mark.variable, of: pid).map(mark.isOurs) ?? false
    }

    private static var pids: [Int32] {
        guard let folder = opendir("/proc") else { return [] }
        defer { closedir(folder) }
        var pids: [Int32] = []
        while let entry = readdir(folder) {
            let pid = withUnsafeBytes(of: &entry.pointee.d_name) {
                atoi($0.baseAddress!.assumingMemoryBound(to: CChar.self))
            }
            if pid > 0 { pids.append(pid) }
        }
        return pids
    }

    private static func variable(_ name: String, of pid: Int32) -> String? {
        let entries = Self.bytes("/proc/\(pid)/environ").split(separator: 0)
        let prefix = Array("\(name)=".utf8)
        return entries.first { $0.starts(with: prefix) }.map {
            String(decoding: $0.dropFirst(prefix.count), as: UTF8.self)
        }
    }

    private static func text(_ path: String) -> String { String(decoding: Self.bytes(path), as: UTF8.self) }

    /// At most a mebibyte; empty when the file cannot be read.
    private static func bytes(_ path: String) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file != -1 else { return [] }
        defer { close(file) }
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while all.count < 1 << 20, case let count = read(file, &piece, piece.count), count > 0 {
            all += piece[..<count]
        }
        return all
    }
}

/// How what a process has started is known, wherever it has gone: it inherits a variable.
public struct ProcessMark {
    let variable: String
    /// Of the variable's value.
    let isOurs: (String) -> Bool

    public init(variable: String, isOurs: @escaping (String) -> Bool) {
        self.variable = variable
        self.isOurs = isOurs
    }
}
