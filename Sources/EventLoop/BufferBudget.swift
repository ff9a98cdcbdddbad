/// The memory that a loop's connections may keep in their input and output queues. Confined to the loop.
///
/// Under pressure, when more than half is in use, each connection may keep less. When all is in use, the connection that
/// asks for more is closed: who holds most is not known, and the one that asks is growing.
public final class BufferBudget {
    public static let defaultLimitBytes = 256 * 1024 * 1024

    /// May be changed at any time. What is in use already stays.
    public var limitBytes = BufferBudget.defaultLimitBytes
    public private(set) var usedBytes = 0
    private var waiting: [() -> Void] = []

    public init() {}

    public var isUnderPressure: Bool { self.usedBytes > self.limitBytes / 2 }

    /// False when there is no room for so much more.
    public func hasRoom(for bytes: Int) -> Bool { bytes <= self.limitBytes - self.usedBytes }

    public func take(_ bytes: Int) { self.usedBytes += bytes }

    public func giveBack(_ bytes: Int) {
        precondition(bytes <= self.usedBytes, "more memory was given back than was taken")
        self.usedBytes -= bytes
    }

    /// Runs `action` at the end of a turn in which there is no pressure. Keeps what it holds until then; at most one for a
    /// connection.
    public func whenRelieved(_ action: @escaping () -> Void) { self.waiting.append(action) }

    func turnEnds() {
        guard !self.waiting.isEmpty, !self.isUnderPressure else { return }
        let actions = self.waiting
        self.waiting = []
        for action in actions { action() }
    }

    /// The loop has ended.
    func close() { self.waiting = [] }
}
