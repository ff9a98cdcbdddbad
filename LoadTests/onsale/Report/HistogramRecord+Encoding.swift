import Foundation

/// In JSON: the standard encoding that every HdrHistogram library reads (V2, compressed, in base 64), with the unit and
/// the precision beside it. The deflate stream inside is of stored blocks: the counters are small as they are.
extension HistogramRecord: Codable {
    static let encodingName = "HdrHistogram V2 compressed, base64"
    private static let cookie: UInt32 = 0x1c84_9313
    private static let compressedCookie: UInt32 = 0x1c84_9314
    /// Cookie, length, offset, digits, two bounds and a ratio.
    private static let headLength = 40
    private static let longestBlock = 65_535
    /// A histogram of five digits over a day has fewer.
    private static let mostCounters = 20_000_000
    /// In all counters together.
    static let mostCounted: Int64 = 1 << 60

    private enum CodingKeys: String, CodingKey {
        case unit, digits = "significant_digits", count, encoding, data
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode("ns", forKey: .unit)
        try container.encode(self.shape.significantDigits, forKey: .digits)
        try container.encode(self.count, forKey: .count)
        try container.encode(Self.encodingName, forKey: .encoding)
        try container.encode(Data(self.encoded()).base64EncodedString(), forKey: .data)
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let text = try container.decode(String.self, forKey: .data)
        guard let data = Data(base64Encoded: text), let record = HistogramRecord(encoded: Array(data)) else {
            throw DecodingError.dataCorruptedError(
                forKey: .data,
                in: container,
                debugDescription: "no \(Self.encodingName) as onsale writes it"
            )
        }
        self = record
    }

    // MARK: Bytes

    /// Compressed form.
    func encoded() -> [UInt8] {
        let stream = Self.stored(self.encodedCounters())
        return Self.bytes(Self.compressedCookie) + Self.bytes(UInt32(stream.count)) + stream
    }

    /// nil when the bytes are not what `encoded` makes.
    init?(encoded bytes: [UInt8]) {
        var reader = Reader(rest: bytes[...])
        guard reader.integer(UInt32.self) == Self.compressedCookie, let length = reader.integer(UInt32.self),
            Int(length) == reader.rest.count, let plain = Self.unstored(reader.rest)
        else { return nil }
        self.init(encodedCounters: plain)
    }

    private func encodedCounters() -> [UInt8] {
        var payload: [UInt8] = []
        var next = 0
        for counter in self.counters {
            let index = self.shape.index(of: counter.value)
            // A run of empty counters is one negative number.
            if index > next { Self.append(Int64(next - index), to: &payload) }
            Self.append(counter.count, to: &payload)
            next = index + 1
        }
        return Self.bytes(Self.cookie) + Self.bytes(UInt32(payload.count)) + Self.bytes(UInt32(0))
            + Self.bytes(UInt32(self.shape.significantDigits)) + Self.bytes(UInt64(self.shape.lowestDiscernible))
            + Self.bytes(UInt64(self.shape.highestTrackable)) + Self.bytes(Double(1).bitPattern) + payload
    }

    private init?(encodedCounters bytes: [UInt8]) {
        var reader = Reader(rest: bytes[...])
        guard reader.integer(UInt32.self) == Self.cookie, let length = reader.integer(UInt32.self),
            reader.integer(UInt32.self) == 0, let digits = reader.integer(UInt32.self), digits <= 5,
            let lowest = reader.integer(UInt64.self), let highest = reader.integer(UInt64.self),
            reader.integer(UInt64.self) == Double(1).bitPattern, Int(length) == reader.rest.count,
            (1...(1 << 40)).contains(lowest), highest <= 1 << 55
        else { return nil }
        let shape = Shape(
            lowestDiscernible: Int64(lowest),
            highestTrackable: Int64(highest),
            significantDigits: Int(digits)
        )
        var counters: [Counter] = []
        var index = 0
        guard lowest <= highest else { return nil }
        var total: Int64 = 0
        let mostCounters = min(shape.index(of: shape.highestTrackable), Self.mostCounters)
        while !reader.rest.isEmpty {
            guard let number = reader.signed() else { return nil }
            if number < 0 {
                guard number > -Int64(Self.mostCounters) else { return nil }
                index += Int(-number)
            } else {
                // What is summed up must not overflow.
                guard index <= mostCounters, number <= Self.mostCounted else { return nil }
                total += number
                guard total <= Self.mostCounted else { return nil }
                if number > 0 { counters.append(Counter(value: shape.value(atIndex: index), count: number)) }
                index += 1
            }
        }
        self.init(shape: shape, counters: counters)
    }

    // MARK: Numbers

    /// Most significant byte first.
    private static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    /// ZigZag, then seven bits a byte, the ninth byte whole.
    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        var rest = UInt64(bitPattern: (number << 1) ^ (number >> 63))
        for _ in 0..<8 {
            guard rest > 0x7f else { return bytes.append(UInt8(rest)) }
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
            let width = Number.bitWidth / 8
            guard self.rest.count >= width else { return nil }
            let number = self.rest.prefix(width).reduce(Number.zero) { $0 << 8 | Number($1) }
            self.rest = self.rest.dropFirst(width)
            return number
        }

        mutating func signed() -> Int64? {
            var number: UInt64 = 0
            for position in 0..<9 {
                guard let byte = self.rest.popFirst() else { return nil }
                let isLast = position == 8 || byte < 0x80
                number |= UInt64(position == 8 ? byte : byte & 0x7f) << (7 * position)
                if isLast { return Int64(bitPattern: number >> 1) ^ -Int64(number & 1) }
            }
            return nil
        }
    }

    // MARK: The stream (RFC 1950 and 1951)

    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(Self.longestBlock)
            rest = rest.dropFirst(block.count)
            let length = UInt16(block.count)
            stream.append(rest.isEmpty ? 1 : 0)
            for number in [length, ~length] { stream += [UInt8(number & 0xff), UInt8(number >> 8)] }
            stream += block
        } while !rest.isEmpty
        return stream + Self.bytes(Self.adler32(bytes))
    }

    private static func unstored(_ stream: ArraySlice<UInt8>) -> [UInt8]? {
        var rest = stream
        guard rest.popFirst() == 0x78, rest.popFirst() == 0x01 else { return nil }
        var bytes: [UInt8] = []
        while let kind = rest.popFirst() {
            guard kind <= 1, rest.count >= 4 else { return nil }
            let head = Array(rest.prefix(4))
            let length = Int(head[0]) | Int(head[1]) << 8
            guard head[0] == ~head[2], head[1] == ~head[3], rest.count >= 4 + length else { return nil }
            bytes += rest.dropFirst(4).prefix(length)
            rest = rest.dropFirst(4 + length)
            if kind == 1 { return Array(rest) == Self.bytes(Self.adler32(bytes)) ? bytes : nil }
        }
        return nil
    }

    private static func adler32(_ bytes: [UInt8]) -> UInt32 {
        var low: UInt32 = 1
        var high: UInt32 = 0
        for byte in bytes {
            low = (low + UInt32(byte)) % 65_521
            high = (high + low) % 65_521
        }
        return high << 16 | low
    }
}
