/// Carries something that belongs to a loop through other threads and back to it.
// Unchecked because `value` is reached through `open()` alone, which checks that it runs on the loop.
public struct LoopBound<Value>: @unchecked Sendable {
    public let loop: any LoopContext
    private let value: Value

    public init(_ value: Value, loop: any LoopContext) {
        self.value = value
        self.loop = loop
    }

    public func open() -> Value {
        self.loop.preconditionOnLoop()
        return self.value
    }

    /// Runs `work` with the value on its loop.
    public func submit(_ work: @escaping @Sendable (Value) -> Void) {
        self.loop.submit { work(self.open()) }
    }
}
