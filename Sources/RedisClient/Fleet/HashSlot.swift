/// Which of a Cluster's slots a key belongs to: CRC16 (XMODEM) of the key, or of what stands between its first `{` and
/// the next `}` unless that is nothing. Source: Redis Cluster specification, "Key distribution model".
enum HashSlot {
    static let count = 16_384

    static func of(_ key: String) -> UInt16 {
        var key = key
        return key.withUTF8 { self.of(UnsafeRawBufferPointer($0)) }
    }

    static func of(_ key: UnsafeRawBufferPointer) -> UInt16 {
        var part = key[...]
        if let open = key.firstIndex(of: UInt8(ascii: "{")),
            let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
        {
            part = key[(open + 1)..<close]
        }
        var sum: UInt16 = 0
        for byte in part { sum = sum << 8 ^ self.table[Int(sum >> 8 ^ UInt16(byte))] }
        return sum & UInt16(self.count - 1)
    }

    private static let table: [UInt16] = (0..<256).map { index in
        (0..<8).reduce(UInt16(index) << 8) { sum, _ in sum & 0x8000 == 0 ? sum << 1 : sum << 1 ^ 0x1021 }
    }
}
