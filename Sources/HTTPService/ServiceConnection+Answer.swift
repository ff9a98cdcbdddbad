import EventLoop
import HTTPWire
import Primitives
import Transport

/// Writes the answers.
extension ServiceConnection {
    /// Bodies up to this size are copied behind their head and leave with it in one piece, also over TLS.
    private static let maxCopiedBodyBytes = 16 * 1024
    private static let pieceBytes = 16 * 1024
    /// Pieces in a row before other connections get their turn.
    private static let maxPiecesInARow = 16

    /// False when the client is gone.
    private func expectsAnswer(_ requestNumber: UInt64) -> Bool {
        self.service.loop.preconditionOnLoop()
        if self.state == .closed { return false }
        precondition(self.state == .handling && requestNumber == self.requestNumber, "a request was answered twice")
        return true
    }

    func answer(_ requestNumber: UInt64, _ head: AnswerHead, body: UnsafeRawBufferPointer) {
        guard self.expectsAnswer(requestNumber) else { return }
        var writer = ByteWriter(self.service.loop.writeScratch)
        self.write(head, to: &writer, bodyLength: head.allowsBody ? Int64(body.count) : nil, isChunked: false)
        if !self.sendsBody(head) || body.count == 0 {
            self.connection.write(writer.written)
        } else if body.count <= Self.maxCopiedBodyBytes {
            writer.append(body)
            self.connection.write(writer.written)
        } else {
            self.connection.write(writer.written, body)
        }
        self.answerIsWritten()
    }

    func answer(_ requestNumber: UInt64, _ head: AnswerHead, stream: AnswerStream) {
        guard self.expectsAnswer(requestNumber) else { return }
        var stream = stream
        // HTTP/1.0 knows no chunks.
        stream.isChunked = stream.isChunked && self.minorVersion >= 1
        var writer = ByteWriter(self.service.loop.writeScratch)
        self.write(
            head,
            to: &writer,
            bodyLength: head.allowsBody ? stream.remainingBytes : nil,
            isChunked: stream.isChunked
        )
        self.connection.write(writer.written)
        guard self.sendsBody(head) else { return self.answerIsWritten() }
        self.stream = stream
        self.state = .streaming
        self.makeMore()
    }

    private func sendsBody(_ head: AnswerHead) -> Bool { head.allowsBody && !self.isHeadRequest }

    private func write(_ head: AnswerHead, to writer: inout ByteWriter, bodyLength: Int64?, isChunked: Bool) {
        if self.service.isClosing { self.keepsAlive = false }
        writer.appendStatusLine(head.status)
        writer.appendField("date", self.service.date)
        if let bodyLength {
            writer.appendField("content-type", head.contentType)
            if isChunked {
                writer.appendField("transfer-encoding", "chunked")
            } else {
                writer.appendField("content-length", decimal: Int(bodyLength))
            }
        }
        if !self.keepsAlive {
            writer.appendField("connection", "close")
        } else if self.minorVersion == 0 {
            writer.appendField("connection", "keep-alive")
        }
        for field in head.fields {
            writer.append(field.name)
            writer.append(": ")
            writer.append(field.value)
            writer.append("\r\n")
        }
        writer.endHead()
        precondition(
            !writer.overflowed && writer.count <= EventLoop.scratchBytes - Self.maxCopiedBodyBytes,
            "the fields of an answer are too long"
        )
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
        if self.stream?.isChunked == true { self.connection.write("0\r\n\r\n") }
        self.stream = nil
        self.answerIsWritten()
    }

    private func writePiece(_ stream: inout AnswerStream) {
        let scratch = self.service.loop.writeScratch
        let count = Int(min(stream.remainingBytes, Int64(Self.pieceBytes)))
        var writer = ByteWriter(scratch)
        if stream.isChunked {
            writer.append(String(count, radix: 16))
            writer.append("\r\n")
        }
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

    private func answerIsWritten() {
        if !self.keepsAlive { return self.closeAfterWriting() }
        guard self.connection.isCongested else { return self.becomeIdle() }
        self.state = .flushing
        self.armWriteTimeout()
    }
}
