import CHiredis

/// Takes hiredis's calls for each element of an answer and builds the value. Hiredis's own tree of answers is never
/// made, so that each string is copied once and no array is allocated at the length that a peer claims.
final class ReplyBuilder {
    /// Values in one answer.
    static let maxValues = 1_000_000

    private struct Frame {
        var values: [RedisValue] = []
        let expected: Int
    }
    /// Arrays that wait for elements, the innermost last.
    private var frames: [Frame] = []
    private var finished: RedisValue?
    private var count = 0
    private(set) var isOverfull = false
    private var words = RecentWords()

    func take() -> RedisValue {
        guard let value = self.finished else { preconditionFailure("hiredis completed an answer that was not built") }
        self.finished = nil
        self.count = 0
        return value
    }

    /// False when the answer has more than `maxValues`.
    fileprivate func add(_ value: RedisValue) -> Bool {
        guard self.admits(1) else { return false }
        var value = value
        while !self.frames.isEmpty {
            let last = self.frames.count - 1
            self.frames[last].values.append(value)
            guard self.frames[last].values.count == self.frames[last].expected else { return true }
            value = .array(self.frames.removeLast().values)
        }
        self.finished = value
        return true
    }

    fileprivate func open(count: Int) -> Bool {
        guard count > 0 else { return self.add(.array([])) }
        guard self.admits(count) else { return false }
        var frame = Frame(expected: count)
        frame.values.reserveCapacity(min(count, 1_024))
        self.frames.append(frame)
        return true
    }

    private func admits(_ more: Int) -> Bool {
        guard more <= Self.maxValues - self.count else {
            self.isOverfull = true
            return false
        }
        self.count += 1
        return true
    }

    /// The table of hiredis's callbacks.
    // Unsafe only to the compiler: written once before anybody can see it, and read only from then on.
    nonisolated(unsafe) static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
        let table = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        table.initialize(
            to: redisReplyObjectFunctions(
                createString: { task, text, count in
                    ReplyBuilder.of(task).addString(
                        type: task!.pointee.type,
                        UnsafeRawBufferPointer(start: text, count: count)
                    )
                        ? ReplyBuilder.done : nil
                },
                createArray: { task, count in ReplyBuilder.of(task).open(count: Int(count)) ? ReplyBuilder.done : nil },
                createInteger: { task, value in ReplyBuilder.of(task).add(.integer(value)) ? ReplyBuilder.done : nil },
                createNil: { task in ReplyBuilder.of(task).add(.null) ? ReplyBuilder.done : nil },
                freeObject: { _ in }
            )
        )
        return table
    }()

    /// What hiredis takes for an object: it asks only that it is not null.
    private static var done: UnsafeMutableRawPointer { UnsafeMutableRawPointer(self.functions) }

    private static func of(_ task: UnsafePointer<redisReadTask>?) -> ReplyBuilder {
        Unmanaged<ReplyBuilder>.fromOpaque(task!.pointee.privdata).takeUnretainedValue()
    }

    private func addString(type: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        switch type {
        case REDIS_REPLY_STATUS: self.add(.status(String(decoding: bytes, as: UTF8.self)))
        case REDIS_REPLY_ERROR: self.add(.error(String(decoding: bytes, as: UTF8.self)))
        default: self.add(.bytes(self.words.bytes(bytes)))
        }
    }
}

/// Short strings that came lately. Answers name their values, by the same few names each time: these share one copy, and
/// cost no memory of their own.
struct RecentWords {
    /// Longer strings are rarely names.
    static let maxBytes = 24
    private static let count = 128
    private var words = [[UInt8]](repeating: [], count: RecentWords.count)

    mutating func bytes(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        guard (1...Self.maxBytes).contains(bytes.count) else { return [UInt8](bytes) }
        var hash: UInt32 = 0x811c_9dc5
        for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        let index = Int(hash ^ hash >> 16) & (Self.count - 1)
        let known = self.words[index]
        if known.count == bytes.count, known.elementsEqual(bytes) { return known }
        let fresh = [UInt8](bytes)
        self.words[index] = fresh
        return fresh
    }
}
