import EventLoop

/// Carries something that belongs to a loop through another thread and back.
// Unchecked because `value` is reached through `open()` alone, which checks that it runs on the loop.
struct LoopBound<Value>: @unchecked Sendable {
    private let value: Value
    private let loop: EventLoop

    init(_ value: Value, loop: EventLoop) {
        self.value = value
        self.loop = loop
    }

    func open() -> Value {
        self.loop.preconditionOnLoop()
        return self.value
    }
}
