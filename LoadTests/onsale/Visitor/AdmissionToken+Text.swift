import Admission

extension AdmissionToken {
    /// What a cookie's value says of itself, signed by whomever; nil when it is no token.
    static func unchecked(_ text: some Sequence<UInt8>) -> AdmissionToken? {
        let characters = Array(text.prefix(Self.textBytes))
        var bytes = [UInt8](repeating: 0, count: Self.wireBytes)
        let isToken = characters.withUnsafeBytes { text in
            bytes.withUnsafeMutableBytes { Base64URL.decode64(from: text, to: $0) }
        }
        guard isToken else { return nil }
        return bytes.withUnsafeBytes {
            AdmissionToken(payload: UnsafeRawBufferPointer(rebasing: $0[..<Self.payloadBytes]))
        }
    }
}
