/// Bytes as `%` and two hexadecimal digits (RFC 3986 section 2.1).
public enum PercentCoding {
    /// The bytes that `text` stands for; nil when a `%` is not followed by two hexadecimal digits.
    public static func decoded(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(ASCII.hexValue), let low = rest.next().flatMap(ASCII.hexValue) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// The text that `text` stands for; nil also when it is not UTF-8.
    public static func decodedText(_ text: some StringProtocol) -> String? {
        Self.decoded(text.utf8).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// `text` with all bytes escaped that `mayStay` does not hold for. A `%` is always escaped.
    public static func encoded(_ text: some StringProtocol, mayStay: (UInt8) -> Bool) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            guard byte == UInt8(ascii: "%") || !mayStay(byte) else {
                bytes.append(byte)
                continue
            }
            bytes.append(UInt8(ascii: "%"))
            for digit in [byte >> 4, byte & 15] { bytes.append(digit < 10 ? ASCII.zero + digit : 0x37 + digit) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
