import EventLoop
import Transport

/// A handler whose behaviour is written where the test needs it. Checks what every handler may rely on: `closed` comes
/// once, and last.
public final class ScriptedHandler: StreamHandler {
    public var onConnected: (any ByteStream) -> Void = { _ in }
    public var onReceived: (any ByteStream, UnsafeRawBufferPointer) -> Int = { _, bytes in bytes.count }
    public var onInputEnded: (any ByteStream) -> Void = { $0.closeAfterWriting() }
    public var onDrained: (any ByteStream) -> Void = { _ in }
    public var onClosed: (CloseReason) -> Void = { _ in }
    public private(set) var hasClosed = false

    public init() {}

    public func connected(_ connection: any ByteStream) {
        self.check(connection)
        self.onConnected(connection)
    }

    public func received(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        self.check(connection)
        precondition(bytes.count > 0, "nothing was delivered as something")
        return self.onReceived(connection, bytes)
    }

    public func inputEnded(_ connection: any ByteStream) {
        self.check(connection)
        self.onInputEnded(connection)
    }

    public func drained(_ connection: any ByteStream) {
        self.check(connection)
        self.onDrained(connection)
    }

    public func closed(_ connection: any ByteStream, _ reason: CloseReason) {
        self.check(connection)
        self.hasClosed = true
        precondition(connection.isClosed)
        self.onClosed(reason)
    }

    private func check(_ connection: any ByteStream) {
        (connection as? Connection)?.loop.preconditionOnLoop()
        precondition(!self.hasClosed, "a call after the last one")
    }
}
