import Foundation

extension Error {
    /// Why a file could not be read or written, in the system's own words where it has some: those of Foundation speak of
    /// an operation that could not be completed.
    var plainReason: String {
        if let problem = self as? ReportFiles.Problem { return problem.description }
        let cause = (self as NSError).userInfo[NSUnderlyingErrorKey] as? any Error
        let both: [(any Error)?] = [self, cause]
        for error in both.compactMap(\.self) {
            if let error = error as? POSIXError { return String(cString: strerror(error.code.rawValue)) }
            let error = error as NSError
            if error.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(error.code))) }
        }
        guard let code = (self as? CocoaError)?.code else { return "\(self)" }
        let number: Int32
        switch code {
        case .fileNoSuchFile, .fileReadNoSuchFile: number = ENOENT
        case .fileReadNoPermission, .fileWriteNoPermission: number = EACCES
        case .fileWriteOutOfSpace: number = ENOSPC
        case .fileWriteVolumeReadOnly: number = EROFS
        case .fileWriteFileExists: number = EEXIST
        case .fileReadInvalidFileName, .fileWriteInvalidFileName: number = EINVAL
        case .fileReadTooLarge: number = EFBIG
        default: number = EIO
        }
        return String(cString: strerror(number))
    }
}
