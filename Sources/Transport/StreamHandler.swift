/// What is above a stream. All methods run on the stream's loop. The stream keeps its handler until it is closed.
public protocol StreamHandler: AnyObject {
    /// An outgoing connection, or a TLS handshake, is complete. Not called for plain accepted connections.
    func connected(_ stream: any ByteStream)

    /// Bytes came in. Returns how many were used: the stream keeps the rest and offers it again, with what comes next,
    /// or at once when reading is resumed after a pause. The memory is valid during the call only.
    func received(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int

    /// The peer will send no more. What was received and not used is lost with the stream.
    func inputEnded(_ stream: any ByteStream)

    /// `pendingWriteBytes` went back under the low mark after having been above the high one.
    func drained(_ stream: any ByteStream)

    /// The stream is no more. Called exactly once, as the last call.
    func closed(_ stream: any ByteStream, _ reason: CloseReason)
}

extension StreamHandler {
    public func connected(_ stream: any ByteStream) {}
    public func received(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int { bytes.count }
    public func inputEnded(_ stream: any ByteStream) { stream.closeAfterWriting() }
    public func drained(_ stream: any ByteStream) {}
    public func closed(_ stream: any ByteStream, _ reason: CloseReason) {}
}
