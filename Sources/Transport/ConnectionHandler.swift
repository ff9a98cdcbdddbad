/// What is above a connection. All methods run on the connection's loop.
///
/// A class to inherit from rather than a protocol: calls go through the class's table, without an existential.
open class ConnectionHandler {
    public init() {}

    /// An outgoing connection, or a TLS handshake, is complete. Not called for plain accepted connections.
    open func connected(_ connection: Connection) {}

    /// Bytes came in. Returns how many were used: the connection keeps the rest and offers it again, with what comes
    /// next, or at once when reading is resumed after a pause. The memory is valid during the call only.
    open func received(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) -> Int { bytes.count }

    /// The peer will send no more. What was received and not used is lost with the connection.
    open func inputEnded(_ connection: Connection) { connection.closeAfterWriting() }

    /// `pendingWriteBytes` went back under the low mark after having been above the high one.
    open func drained(_ connection: Connection) {}

    /// The connection is no more. Called exactly once, as the last call.
    open func closed(_ connection: Connection, _ reason: CloseReason) {}
}
