import Foundation

/// Writes and reads the two files of a report: `report.json` and `report.html`.
enum ReportFiles {
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// Creates the folder when it is missing. Returns the paths written.
    static func write(_ report: RunReport, folder: String) throws(Problem) -> (json: String, html: String) {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let json = "\(folder)/report.json"
            let html = "\(folder)/report.html"
            try self.encoded(report).write(to: URL(fileURLWithPath: json), options: .atomic)
            try Data(HTMLReport(report).render().utf8).write(to: URL(fileURLWithPath: html), options: .atomic)
            return (json, html)
        } catch {
            throw Problem(
                description: "the report could not be written to \(folder): \(error.localizedDescription); "
                    + "name another folder with --report"
            )
        }
    }

    static func encoded(_ report: RunReport) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(report)
    }

    static func read(_ path: String) throws(Problem) -> RunReport {
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            return try JSONDecoder().decode(RunReport.self, from: data)
        } catch let error as DecodingError {
            throw Problem(description: "\(path) is not a report of this version of onsale: \(error)")
        } catch {
            throw Problem(description: "\(path) could not be read: \(error.localizedDescription)")
        }
    }
}
