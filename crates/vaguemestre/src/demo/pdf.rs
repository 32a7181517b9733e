//! A small valid PDF of a chosen size: one page of text and a greyscale picture, as a hospital's scan would be.
//!
//! Pure bytes out. Must never hold a real person's data: the text says that it is invented.

/// A PDF (ISO 32000-1) whose picture has `side` × `side` octets, so about that size altogether.
pub(super) fn report(side: usize) -> Vec<u8> {
    let text = "BT /F1 16 Tf 56 780 Td (Compte rendu de cardiologie - d\\351monstration) Tj /F1 11 Tf 0 -24 Td \
                (Patient fictif : aucune donn\\351e de ce document n'est r\\351elle.) Tj 0 -16 Td \
                (\\311chographie : contraction r\\351guli\\350re, pas d'anomalie.) Tj ET\n\
                q 480 0 0 480 56 220 cm /Im1 Do Q\n";
    let mut file = File::default();
    file.object(b"<< /Type /Catalog /Pages 2 0 R >>");
    file.object(b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    file.object(
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R \
          /Resources << /Font << /F1 4 0 R >> /XObject << /Im1 6 0 R >> >> >>",
    );
    file.object(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>");
    file.stream("", text.as_bytes());
    let picture = format!(
        "/Type /XObject /Subtype /Image /Width {side} /Height {side} /ColorSpace /DeviceGray /BitsPerComponent 8 "
    );
    file.stream(&picture, &ultrasound(side));
    file.finish()
}

/// A fan of bright rings with the grain of an ultrasound picture; the same bytes at each call.
fn ultrasound(side: usize) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(side * side);
    let mut grain: u32 = 0x9E37_79B9;
    let middle = side / 2;
    for y in 0..side {
        for x in 0..side {
            // xorshift: grain that does not compress, so that the file travels at its full size.
            grain ^= grain << 13;
            grain ^= grain >> 17;
            grain ^= grain << 5;
            let in_fan = x.abs_diff(middle) < y / 2 + 1;
            let distance = x.abs_diff(middle) * x.abs_diff(middle) + y * y;
            let ring = (distance / (side * 12).max(1)).is_multiple_of(2);
            let brightness = match (in_fan, ring) {
                (false, _) => 8,
                (true, false) => 60,
                (true, true) => 150,
            };
            pixels.push(brightness + (grain & 0x3F) as u8);
        }
    }
    pixels
}

#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    offsets: Vec<usize>,
}

impl File {
    fn object(&mut self, body: &[u8]) {
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n");
        }
        self.offsets.push(self.bytes.len());
        let number = self.offsets.len();
        self.bytes.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        self.bytes.extend_from_slice(body);
        self.bytes.extend_from_slice(b"\nendobj\n");
    }

    fn stream(&mut self, dictionary: &str, content: &[u8]) {
        let mut body = format!("<< {dictionary}/Length {} >>\nstream\n", content.len()).into_bytes();
        body.extend_from_slice(content);
        body.extend_from_slice(b"\nendstream");
        self.object(&body);
    }

    fn finish(mut self) -> Vec<u8> {
        let start = self.bytes.len();
        let count = self.offsets.len() + 1;
        let mut end = format!("xref\n0 {count}\n0000000000 65535 f \n");
        for offset in &self.offsets {
            end.push_str(&format!("{offset:010} 00000 n \n"));
        }
        end.push_str(&format!("trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"));
        self.bytes.extend_from_slice(end.as_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_of_the_table_points_at_its_object() {
        let pdf = report(64);
        let find = |needle: &[u8]| pdf.windows(needle.len()).position(|window| window == needle).unwrap();
        let table = find(b"xref\n0 7\n");
        let entries = std::str::from_utf8(&pdf[table..]).unwrap();
        for (number, line) in entries.lines().skip(3).take(6).enumerate() {
            let offset: usize = line[..10].parse().unwrap();
            let head = format!("{} 0 obj\n", number + 1);
            assert_eq!(&pdf[offset..offset + head.len()], head.as_bytes());
        }
        assert!(entries.ends_with(&format!("startxref\n{table}\n%%EOF\n")));
    }

    #[test]
    fn its_size_is_about_that_of_its_picture() {
        assert!((1_000_000..1_010_000).contains(&report(1000).len()));
    }
}
