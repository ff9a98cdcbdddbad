import Dispatch
import EventLoop
import Synchronization

/// A loop for one test, and the ways in which a test waits for it: on conditions with a deadline, never by sleeping.
public struct LoopFixture: Sendable {
    /// Far beyond what anything takes on a busy machine: only a failing test waits so long.
    public static let deadlineSeconds = 60
    public let loop: EventLoop

    public init() throws { self.loop = try EventLoop(label: "test") }

    /// Runs `body` on the loop and hands over what it returns; throws when the deadline passes first.
    public func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) throws -> Result {
        let answer = Handover<Swift.Result<Result, any Error>>()
        self.loop.submit { answer.put(Swift.Result { try body() }) }
        return try answer.take().get()
    }

    /// Looks at `condition` until it holds; throws when the deadline passes first.
    public func waitUntil(_ condition: () throws -> Bool) throws {
        let deadline = DispatchTime.now() + .seconds(Self.deadlineSeconds)
        while try !condition() {
            guard DispatchTime.now() < deadline else { throw DeadlinePassed() }
            // A look costs a turn of the loop, which is what brings the condition about.
            try self.run {}
        }
    }

    public func end() throws {
        let ended = Handover<Void>()
        self.loop.shutdown { ended.put(()) }
        try ended.take()
    }
}

/// One value on its way from a loop to the thread of a test.
public final class Handover<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let arrived = DispatchSemaphore(value: 0)

    public init() {}

    public func put(_ value: Value) {
        self.value.withLock { $0 = value }
        self.arrived.signal()
    }

    public func take() throws -> Value {
        guard self.arrived.wait(timeout: .now() + .seconds(LoopFixture.deadlineSeconds)) == .success else {
            throw DeadlinePassed()
        }
        return self.value.withLock { $0! }
    }
}

public struct DeadlinePassed: Error {
    public init() {}
}

/// What a loop writes down; read by the test when the loop is done.
public final class Record<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>
    public init(_ value: Value) { self.storage = Mutex(value) }
    public var value: Value { self.storage.withLock { $0 } }
    public func update(_ change: (inout Value) -> Void) { self.storage.withLock { change(&$0) } }
}
