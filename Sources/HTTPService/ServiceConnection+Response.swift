import EventLoop
import HTTPWire
import Primitives
import Transport

/// Writes the responses.
extension ServiceConnection {
    /// Bodies up to this size are copied behind their head and leave with it in one piece, also over TLS.
    private static let maxCopiedBodyBytes = 16 * 1024
    private static let pieceBytes = 16 * 1024
    /// Pieces in a row before other connections get their turn.
    private static let maxPiecesInARow = 16

    /// False when the client is gone.
    private func expectsResponse(_ requestNumber: UInt64) -> Bool {
        self.service.loop.preconditionOnLoop()
        if self.state == .closed { return false }
        precondition(
            self.state == .handling && requestNumber == self.requestNumber,
            "a request was responded to twice"
        )
        return true
    }

    func respond(_ requestNumber: UInt64, _ head: ServiceResponseHead, body: UnsafeRawBufferPointer) {
        guard self.expectsResponse(requestNumber) else { return }
        var writer = ByteWriter(self.service.loop.writeScratch)
        let plan = self.write(head, to: &writer, .length(Int64(body.count)))
        if !plan.sendsBody || body.count == 0 {
            self.connection.write(writer.written)
        } else if body.count <= Self.maxCopiedBodyBytes {
            writer.append(body)
            self.connection.write(writer.written)
        } else {
            self.connection.write(writer.written, body)
        }
        self.responseIsWritten()
    }

    func respond(_ requestNumber: UInt64, _ head: ServiceResponseHead, stream: ResponseStream) {
        guard self.expectsResponse(requestNumber) else { return }
        var stream = stream
        stream.isChunked = stream.isChunked && self.knowsChunks
        var writer = ByteWriter(self.service.loop.writeScratch)
        let plan = self.write(head, to: &writer, stream.isChunked ? .chunked : .length(stream.remainingBytes))
        self.connection.write(writer.written)
        guard plan.sendsBody else { return self.responseIsWritten() }
        self.stream = stream
        self.state = .streaming
        self.makeMore()
    }

    private func write(
        _ head: ServiceResponseHead,
        to writer: inout ByteWriter,
        _ framing: BodyFraming
    ) -> ResponsePlan {
        let plan = self.wire.beginResponse(
            head.allowsBody ? framing : .none,
            staysOpen: !self.service.isClosing
        )
        writer.appendStatusLine(head.status)
        writer.appendField("date", self.service.date)
        if head.allowsBody { writer.appendField("content-type", head.contentType) }
        writer.appendFraming(plan)
        for field in head.fields {
            writer.append(field.name)
            writer.append(": ")
            writer.append(field.value)
            writer.append("\r\n")
        }
        writer.endHead()
        precondition(
            !writer.overflowed && writer.count <= EventLoop.scratchBytes - Self.maxCopiedBodyBytes,
            "the fields of a response are too long"
        )
        return plan
    }

    /// Makes the body's next pieces while the client takes them.
    func makeMore() {
        var pieces = 0
        while self.state == .streaming, var stream = self.stream, stream.remainingBytes > 0 {
            if self.connection.isCongested { return self.armWriteTimeout() }
            if pieces == Self.maxPiecesInARow { return self.service.loop.onNextTurn { self.makeMore() } }
            pieces += 1
            self.writePiece(&stream)
            self.stream = stream
        }
        guard self.state == .streaming else { return }
        if self.stream?.isChunked == true {
            var writer = ByteWriter(self.service.loop.writeScratch)
            writer.appendLastChunk()
            self.connection.write(writer.written)
        }
        self.stream = nil
        self.responseIsWritten()
    }

    private func writePiece(_ stream: inout ResponseStream) {
        let scratch = self.service.loop.writeScratch
        let count = Int(min(stream.remainingBytes, Int64(Self.pieceBytes)))
        var writer = ByteWriter(scratch)
        if stream.isChunked { writer.appendChunkSize(count) }
        let start = writer.count
        stream.fill(stream.offset, UnsafeMutableRawBufferPointer(rebasing: scratch[start..<start + count]))
        var end = start + count
        if stream.isChunked {
            scratch[end] = ASCII.carriageReturn
            scratch[end + 1] = ASCII.lineFeed
            end += 2
        }
        stream.offset += Int64(count)
        stream.remainingBytes -= Int64(count)
        self.connection.write(UnsafeRawBufferPointer(rebasing: scratch[..<end]))
    }

    private func responseIsWritten() {
        switch self.wire.endResponse() {
        case .close: return self.closeAfterWriting()
        case .discardRequest: preconditionFailure("a request that was handled as a whole has no rest")
        case .readOn: break
        }
        guard self.connection.isCongested else { return self.readOn() }
        self.state = .flushing
        self.armWriteTimeout()
    }
}
