import Glibc

/// `Tests/run long` has time for more.
public enum LongRun {
    public static let isOne = getenv("SLUICE_LONG") != nil
}
