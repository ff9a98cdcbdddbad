import EventLoop
import Foundation
import Glibc
import Primitives

/// What the load tool itself takes of the machine, from a moment on: a run beside which it takes all there is says little.
struct ToolUse {
    private let startedAt = MonotonicClock.now()
    private let processorBefore = Machine.processorNanoseconds()

    /// In words, up to now.
    var fact: RunReport.Fact {
        let wall = max(1, MonotonicClock.now().nanoseconds(since: self.startedAt))
        let used = Double(Machine.processorNanoseconds() - self.processorBefore) / Double(wall)
        let memory = Machine.peakMemoryBytes.map { ", at most \(Self.mebibytes($0)) of memory" } ?? ""
        return RunReport.Fact(name: "load tool used", value: "\(Format.percent(used)) of one processor\(memory)")
    }

    private static func mebibytes(_ bytes: Int64) -> String {
        "\(Format.significant(Double(bytes) / Double(1 << 20)))\u{A0}MiB"
    }
}

extension Machine {
    /// The most that this process had in memory at once; nil when the kernel does not say.
    static var peakMemoryBytes: Int64? {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        // In kilobytes on Linux.
        return Int64(usage.ru_maxrss) * 1_024
    }
}
