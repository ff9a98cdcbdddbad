/// Base64url (RFC 4648, section 5) for exactly 48 bytes, which are exactly 64 characters: no padding and no spare bits,
/// so every text has one meaning and every meaning one text.
public enum Base64URL {
    // String literals, because they lie in the binary's constants: an array would be reached through a once-check.
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    /// For each ASCII code the character whose code is its value + 48; `~` (48 + 78) where there is none.
    private static let values: StaticString = """
        ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~n~~defghijklm~~~~~~\
        ~0123456789:;<=>?@ABCDEFGHI~~~~o~JKLMNOPQRSTUVWXYZ[\\]^_`abc~~~~~
        """

    /// `bytes` holds at least 48, `text` at least 64.
    public static func encode48(from bytes: UnsafeRawBufferPointer, to text: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count >= 48 && text.count >= 64, "48 bytes become 64 characters")
        let alphabet = Self.alphabet.utf8Start
        for group in 0..<16 {
            let word = Int(bytes[3 * group]) << 16 | Int(bytes[3 * group + 1]) << 8 | Int(bytes[3 * group + 2])
            text[4 * group] = alphabet[word >> 18]
            text[4 * group + 1] = alphabet[word >> 12 & 63]
            text[4 * group + 2] = alphabet[word >> 6 & 63]
            text[4 * group + 3] = alphabet[word & 63]
        }
    }

    /// False unless `text` is 64 characters of the alphabet. `bytes` holds at least 48; after false, they mean nothing.
    public static func decode64(from text: UnsafeRawBufferPointer, to bytes: UnsafeMutableRawBufferPointer) -> Bool {
        precondition(bytes.count >= 48, "64 characters become 48 bytes")
        guard text.count == 64 else { return false }
        let values = Self.values.utf8Start
        var wrong: UInt8 = 0
        for group in 0..<16 {
            var word: UInt32 = 0
            for place in 0..<4 {
                let character = text[4 * group + place]
                let value = values[Int(character & 0x7F)] &- 48
                wrong |= value | (character & 0x80)
                word = word << 6 | UInt32(value & 63)
            }
            bytes[3 * group] = UInt8(truncatingIfNeeded: word >> 16)
            bytes[3 * group + 1] = UInt8(truncatingIfNeeded: word >> 8)
            bytes[3 * group + 2] = UInt8(truncatingIfNeeded: word)
        }
        return wrong < 64
    }
}
