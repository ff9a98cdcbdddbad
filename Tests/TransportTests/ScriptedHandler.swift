import EventLoop
import Glibc
import TestKit
import Transport

/// A handler whose behaviour is written where the test needs it. Checks what every handler may rely on: `closed` comes
/// once, and last.
final class ScriptedHandler: ConnectionHandler {
    var onConnected: (Connection) -> Void = { _ in }
    var onReceived: (Connection, UnsafeRawBufferPointer) -> Int = { _, bytes in bytes.count }
    var onInputEnded: (Connection) -> Void = { $0.closeAfterWriting() }
    var onDrained: (Connection) -> Void = { _ in }
    var onClosed: (CloseReason) -> Void = { _ in }
    private(set) var hasClosed = false

    override func connected(_ connection: Connection) {
        self.check(connection)
        self.onConnected(connection)
    }

    override func received(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) -> Int {
        self.check(connection)
        precondition(bytes.count > 0, "nothing was delivered as something")
        return self.onReceived(connection, bytes)
    }

    override func inputEnded(_ connection: Connection) {
        self.check(connection)
        self.onInputEnded(connection)
    }

    override func drained(_ connection: Connection) {
        self.check(connection)
        self.onDrained(connection)
    }

    override func closed(_ connection: Connection, _ reason: CloseReason) {
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
