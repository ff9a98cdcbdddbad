/// FNV-1a: a short hash for names and table slots. Not for secrets.
///
/// Source: Fowler, Noll, Vo; draft-eastlake-fnv.
public enum FNV1a {
    @inlinable
    public static func hash64<Bytes: Sequence>(_ bytes: Bytes) -> UInt64 where Bytes.Element == UInt8 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash
    }
}
