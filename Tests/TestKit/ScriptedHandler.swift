import EventLoop
import Transport

/// A handler whose behaviour is written where the test needs it. Checks what every handler may rely on: `closed` comes
/// once, and last.
public final class ScriptedHandler: ConnectionHandler {
    public var onConnected: (Connection) -> Void = { _ in }
    public var onReceived: (Connection, UnsafeRawBufferPointer) -> Int = { _, bytes in bytes.count }
    public var onInputEnded: (Connection) -> Void = { $0.closeAfterWriting() }
    public var onDrained: (Connection) -> Void = { _ in }
    public var onClosed: (CloseReason) -> Void = { _ in }
    public private(set) var hasClosed = false

    public override init() {}

    public override func connected(_ connection: Connection) {
        self.check(connection)
        self.onConnected(connection)
    }

    public override func received(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) -> Int {
        self.check(connection)
        precondition(bytes.count > 0, "nothing was delivered as something")
        return self.onReceived(connection, bytes)
    }

    public override func inputEnded(_ connection: Connection) {
        self.check(connection)
        self.onInputEnded(connection)
    }

    public override func drained(_ connection: Connection) {
        self.check(connection)
        self.onDrained(connection)
    }

    public override func closed(_ connection: Connection, _ reason: CloseReason) {
        self.check(connection)
        self.hasClosed = true
        precondition(connection.isClosed)
        self.onClosed(reason)
    }

    private func check(_ connection: Connection) {
        connection.loop.preconditionOnLoop()
        precondition(!self.hasClosed, "a call after the last one")
    }
}
