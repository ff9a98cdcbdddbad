/// Bytes that cannot be what an agent sends: another version, or not an agent.
struct PieceProblem: Error, Equatable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Writes numbers as few bytes: seven bits each, small ones of either sign in one byte.
struct PieceWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ value: UInt64) {
        var rest = value
        while rest > 0x7F {
            self.bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.bytes.append(UInt8(rest))
    }

    /// The sign goes into the lowest bit.
    mutating func put(_ value: Int64) { self.put(UInt64(bitPattern: value << 1 ^ value >> 63)) }
    mutating func put(_ value: Int) { self.put(Int64(value)) }

    /// Absent values take one byte.
    mutating func put(optional value: Int64?) {
        self.put(UInt64(value == nil ? 0 : 1))
        if let value { self.put(value) }
    }

    /// With its length before it.
    mutating func put(_ text: String) {
        self.put(UInt64(text.utf8.count))
        self.bytes += text.utf8
    }
}

/// Reads what a `PieceWriter` has written; everything else is a problem, never a trap.
struct PieceReader {
    /// What is summed up must not overflow.
    static let mostTimes: Int64 = 1 << 40
    /// 25 hours, an hour more than the longest run: times a rate of 100,000 a second in thousandths they fit.
    static let mostMicros: Int64 = 90_000_000_000

    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { self.rest = bytes[...] }

    mutating func natural() throws(PieceProblem) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            guard let byte = self.rest.popFirst() else { throw PieceProblem("a message ends in the middle") }
            let bits = UInt64(byte & 0x7F)
            guard shift < 63 || bits <= 1 else { break }
            value |= bits << shift
            if byte < 0x80 { return value }
        }
        throw PieceProblem("a message holds a number of more than 64 bits")
    }

    mutating func number() throws(PieceProblem) -> Int64 {
        let value = try self.natural()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// How often something happened.
    mutating func integer() throws(PieceProblem) -> Int {
        let value = try self.number()
        guard (0...Self.mostTimes).contains(value) else { throw PieceProblem("nothing happens \(value) times") }
        return Int(value)
    }

    /// Microseconds of a run.
    mutating func time() throws(PieceProblem) -> Int64 {
        let value = try self.number()
        guard abs(value.clamped(to: -Self.mostMicros - 1...Self.mostMicros + 1)) <= Self.mostMicros else {
            throw PieceProblem("\(value) µs are in no run")
        }
        return value
    }

    /// How long something took.
    mutating func duration() throws(PieceProblem) -> Int64 {
        let value = try self.time()
        guard value >= 0 else { throw PieceProblem("nothing takes \(value) µs") }
        return value
    }

    /// A time by its distance from another one.
    mutating func time(from other: Int64) throws(PieceProblem) -> Int64 {
        let value = other + (try self.time())
        guard abs(value) <= Self.mostMicros else { throw PieceProblem("\(value) µs are in no run") }
        return value
    }

    mutating func optionalTime() throws(PieceProblem) -> Int64? {
        try self.natural() == 0 ? nil : try self.time()
    }

    mutating func optional() throws(PieceProblem) -> Int64? {
        try self.natural() == 0 ? nil : try self.number()
    }

    /// How many elements follow; each takes at least a byte, so a lie does not fill the memory.
    mutating func count() throws(PieceProblem) -> Int {
        let count = try self.natural()
        guard count <= UInt64(self.rest.count) else { throw PieceProblem("a message ends in the middle") }
        return Int(count)
    }

    mutating func text() throws(PieceProblem) -> String {
        let count = try self.count()
        defer { self.rest = self.rest.dropFirst(count) }
        return String(decoding: self.rest.prefix(count), as: UTF8.self)
    }

    mutating func end() throws(PieceProblem) {
        guard self.rest.isEmpty else { throw PieceProblem("a message is longer than what it says") }
    }
}
