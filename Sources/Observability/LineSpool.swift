import Synchronization

/// Lines that one thread has made and the writer has not fetched yet: a bounded amount, in memory that is used again and
/// again. Adding a line never waits for the writer's disk.
public final class LineSpool: Sendable {
    public static let limitBytes = 256 * 1_024

    private struct State {
        var bytes: [UInt8] = []
        var dropped: UInt64 = 0
    }
    private let state = Mutex(State())

    public init() {}

    /// What became of a line.
    public enum Outcome: Equatable, Sendable {
        case kept
        /// The same, and so much waits that the writer should come soon.
        case keptAndFilling
        /// The writer is too slow: the line is lost, and counted.
        case dropped
    }

    /// `line` with its line end.
    public func add(_ line: UnsafeRawBufferPointer) -> Outcome {
        self.state.withLock { state in
            guard state.bytes.count + line.count <= Self.limitBytes else {
                state.dropped += 1
                return .dropped
            }
            if state.bytes.capacity < Self.limitBytes { state.bytes.reserveCapacity(Self.limitBytes) }
            let before = state.bytes.count
            state.bytes.append(contentsOf: line)
            let half = Self.limitBytes / 2
            return before < half && state.bytes.count >= half ? .keptAndFilling : .kept
        }
    }

    /// Lines that were lost so far.
    var dropped: UInt64 { self.state.withLock { $0.dropped } }

    /// Exchanges what waits here for `empty`, whose memory is used from here on.
    func exchange(_ empty: inout [UInt8]) {
        assert(empty.isEmpty, "lines that have not been written would be lost")
        self.state.withLock { swap(&$0.bytes, &empty) }
    }
}
