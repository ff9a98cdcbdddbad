/// Sizes as they are written in the file: `512B`, `16KiB`, `1MiB`, `2GiB`. In the program they are bytes.
enum SizeText {
    static let units: [(name: String, bytes: Int64)] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]

    static func parse(_ text: String) throws(Refusal) -> Int64 {
        let quantity = try Quantity(text)
        guard !quantity.unit.isEmpty else { throw Refusal("which has no unit (bytes are B)") }
        guard let unit = self.units.first(where: { $0.name == quantity.unit }) else {
            throw Refusal("whose unit is not one of B, KiB, MiB and GiB")
        }
        guard quantity.fraction.isEmpty else { throw Refusal("which has a fraction: use the smaller unit") }
        return try quantity.scaled(by: unit.bytes)
    }

    static func format(_ bytes: Int64) -> String {
        guard bytes != 0 else { return "0B" }
        for unit in self.units.reversed() where bytes % unit.bytes == 0 {
            return "\(bytes / unit.bytes)\(unit.name)"
        }
        return "\(bytes)B"
    }
}

/// Sizes a second, as they are written in the file: `500B/s`, `16KiB/s`. In the program they are bytes a second.
enum ByteRateText {
    static func parse(_ text: String) throws(Refusal) -> Int {
        guard text.hasSuffix("/s") else { throw Refusal("which is not a size per second (behind the size stands /s)") }
        return Int(try SizeText.parse(String(text.dropLast(2))))
    }

    static func format(_ bytes: Int) -> String { "\(SizeText.format(Int64(bytes)))/s" }
}
