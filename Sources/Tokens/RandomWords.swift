import COpenSSL

/// Random numbers that nobody can foretell, fetched in bulk: one costs a few nanoseconds. Confined to its loop.
public struct RandomWords: ~Copyable {
    private static let count = 512
    private let words: UnsafeMutablePointer<UInt64>
    /// How many of them have been handed out.
    private var used = RandomWords.count

    public init() {
        self.words = .allocate(capacity: Self.count)
        self.words.initialize(repeating: 0, count: Self.count)
    }

    deinit { self.words.deallocate() }

    public mutating func next() -> UInt64 {
        if self.used == Self.count { self.fill() }
        defer { self.used += 1 }
        return self.words[self.used]
    }

    private mutating func fill() {
        self.used = 0
        let bytes = UnsafeMutableRawPointer(self.words).assumingMemoryBound(to: UInt8.self)
        guard RAND_bytes(bytes, Int32(Self.count * MemoryLayout<UInt64>.stride)) != 1 else { return }
        // Without OpenSSL's generator the system's own is slower, and as good.
        var system = SystemRandomNumberGenerator()
        for index in 0..<Self.count { self.words[index] = system.next() }
    }

    /// As `next`, but never zero.
    public mutating func nextNonzero() -> UInt64 {
        while true {
            let word = self.next()
            if word != 0 { return word }
        }
    }
}
