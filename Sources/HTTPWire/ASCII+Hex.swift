import Primitives

extension ASCII {
    /// The value of a hexadecimal digit of either case.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8? {
        if self.isDigit(byte) { return byte &- self.zero }
        let letter = self.lowercased(byte) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }
}
