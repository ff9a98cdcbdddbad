import CHiredis

/// RESP from bytes to values: hiredis reads, `ReplyBuilder` builds, and nothing lies in between.
///
/// Limits: `maxReplyBytes` are kept for an answer that is not complete; `ReplyBuilder.maxValues` values an answer;
/// arrays are nested seven deep, which is hiredis's own limit.
final class ReplyReader {
    /// The stream is not RESP, or an answer is over a limit: the connection is of no use any more.
    struct Failure: Error {
        let reason: String
    }

    private let reader: UnsafeMutablePointer<redisReader>
    private let builder = ReplyBuilder()
    private let maxReplyBytes: Int

    init(maxReplyBytes: Int) {
        self.maxReplyBytes = maxReplyBytes
        guard let reader = redisReaderCreateWithFunctions(ReplyBuilder.functions) else {
            preconditionFailure("no memory for a reader of Redis's answers")
        }
        self.reader = reader
        // Unretained: the builder lives as long as the reader, which this object owns.
        reader.pointee.privdata = Unmanaged.passUnretained(self.builder).toOpaque()
    }

    deinit { redisReaderFree(self.reader) }

    func feed(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        let text = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
        guard redisReaderFeed(self.reader, text, bytes.count) == REDIS_OK else { throw self.failure() }
    }

    /// The next complete answer, nil when more bytes are needed.
    func next() throws(Failure) -> RedisValue? {
        var isComplete: UnsafeMutableRawPointer?
        guard redisReaderGetReply(self.reader, &isComplete) == REDIS_OK else { throw self.failure() }
        guard isComplete != nil else {
            let kept = self.reader.pointee.len - self.reader.pointee.pos
            guard kept <= self.maxReplyBytes else {
                throw Failure(reason: "an answer is longer than \(self.maxReplyBytes) bytes")
            }
            return nil
        }
        return self.builder.take()
    }

    private func failure() -> Failure {
        if self.builder.isOverfull {
            return Failure(reason: "an answer has more than \(ReplyBuilder.maxValues) values")
        }
        let text = withUnsafeBytes(of: self.reader.pointee.errstr) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        return Failure(reason: "not an answer of Redis: \(text)")
    }
}
