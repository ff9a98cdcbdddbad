import CHiredis

/// Commands from words to bytes, by hiredis.
struct CommandFormatter {
    private var arena: [UInt8] = []
    private var lengths: [Int] = []
    private var pointers: [UnsafePointer<CChar>?] = []

    /// Appends the bytes of one command to `output`.
    mutating func append(_ arguments: [RedisArgument], to output: inout [UInt8]) {
        precondition(!arguments.isEmpty, "a command has at least its name")
        self.arena.removeAll(keepingCapacity: true)
        self.lengths.removeAll(keepingCapacity: true)
        self.pointers.removeAll(keepingCapacity: true)
        for argument in arguments {
            let before = self.arena.count
            switch argument {
            case .text(let text): self.arena.append(contentsOf: text.utf8)
            case .bytes(let bytes): self.arena.append(contentsOf: bytes)
            case .integer(let value): self.arena.append(contentsOf: String(value).utf8)
            }
            self.lengths.append(self.arena.count - before)
        }
        self.arena.withUnsafeBytes { arena in
            var position = 0
            for length in self.lengths {
                let start = arena.baseAddress.map { ($0 + position).assumingMemoryBound(to: CChar.self) }
                self.pointers.append(start)
                position += length
            }
            var command: UnsafeMutablePointer<CChar>?
            let count = redisFormatCommandArgv(&command, Int32(self.lengths.count), &self.pointers, self.lengths)
            guard count >= 0, let command else { preconditionFailure("no memory for a command to Redis") }
            output.append(contentsOf: UnsafeRawBufferPointer(start: command, count: Int(count)))
            redisFreeCommand(command)
        }
    }
}
